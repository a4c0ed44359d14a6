#include "server/control_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "base/log.hpp"
#include "policy/record_changes.hpp"

namespace mxwarden::server {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t largest_page = 1000;
// What an answer has around its records.
constexpr std::size_t frame_of_a_page = 256;

using Entries = std::vector<store::RecordBook::Entry>;

// Every net that `address` is in, the widest first.
Entries covering(const store::RecordBook& book, store::RecordKind kind, const Address& address, int longer_than,
                 Instant now) {
  Entries found;
  for (int length = longer_than + 1; length <= address.bits(); ++length) {
    if (auto entry = book.find_net(kind, Prefix(address, length), now)) found.push_back(std::move(entry));
  }
  return found;
}

// Without what is for mxwardend alone. Of a grant only the latest logins, where all of them are more than fits.
std::string text_of(store::Record record) {
  record.marks.clear();
  auto text = store::to_text(record);
  if (text.size() + frame_of_a_page <= ControlOperations::longest_answer) return text;
  if (auto* grant = std::get_if<store::Grant>(&record.what); grant != nullptr && grant->logins.size() > 1) {
    const auto half = static_cast<std::ptrdiff_t>((grant->logins.size() + 1) / 2);
    std::ranges::stable_sort(grant->logins, {}, &store::Grant::Login::last);
    grant->logins.erase(grant->logins.begin(), grant->logins.begin() + half);
    return text_of(std::move(record));
  }
  return text;
}

// As many as fit.
std::string page(const Entries& entries, std::size_t most) {
  std::string text = R"("records":[)";
  std::size_t taken = 0;
  for (; taken < std::min(entries.size(), most); ++taken) {
    const auto record = text_of(*entries[taken]);
    if (taken > 0 && text.size() + record.size() + frame_of_a_page > ControlOperations::longest_answer) break;
    if (taken > 0) text += ',';
    text += record;
  }
  text += ']';
  if (taken < entries.size()) text += fmt::format(R"(,"next":"{}")", entries[taken - 1]->net.to_string());
  return text;
}

struct Addition {
  Prefix net;
  store::Records::Change change;
  std::string log;  // of what is to be logged, the kind's own
};

// In which records end, to what a record's text can say.
WallTime wall_now(const Call& call) {
  return std::chrono::floor<milliseconds>(call.daemon.records.book().wall(call.now()));
}

std::optional<Addition> make_ban(Call& call) {
  auto& members = call.members;
  const auto net = members.net("net", Need::required);
  const auto time = members.duration("for_ms", Need::required);
  const auto reason = members.text("reason", Need::required);
  const auto force = members.flag("force");
  if (net) {
    if (const auto why = policy::why_no_ban(*net, call.daemon.settings.client.trusted, force)) members.fail(*why);
  }
  if (call.faulty()) return std::nullopt;
  Addition addition{*net,
                    [net = *net, reason, now = wall_now(call), time = *time](const store::Record* before) {
                      return policy::operators_ban({net, reason, now, now + time}, before);
                    },
                    {}};
  append_logfmt(addition.log, "for", to_string(*time));
  append_logfmt(addition.log, "reason", reason);
  return addition;
}

std::optional<Addition> make_grant(Call& call) {
  auto& members = call.members;
  const auto& settings = call.daemon.settings;
  const auto address = members.address("net", Need::required);
  const auto login = members.text("login", Need::required);
  const auto time = members.duration("for_ms", Need::optional);
  if (address) {
    if (const auto why = policy::why_no_grant(*address, settings.client.trusted)) members.fail(*why);
  }
  if (call.faulty()) return std::nullopt;
  const auto ttl = time.value_or(std::chrono::ceil<milliseconds>(settings.relay_grant.ttl));
  Addition addition{Prefix(*address, address->bits()),
                    [address = *address, login, now = wall_now(call), ttl](const store::Record* before) {
                      return policy::granted({address, login, now, now + ttl}, before);
                    },
                    {}};
  append_logfmt(addition.log, "for", to_string(ttl));
  append_logfmt(addition.log, "login", login);
  return addition;
}

std::optional<Addition> make_listing(Call& call) {
  auto& members = call.members;
  const auto& settings = call.daemon.settings;
  const auto address = members.address("net", Need::required);
  const auto list = members.text("list", Need::required);
  const auto reason = members.text("reason", Need::required);
  const auto time = members.duration("for_ms", Need::optional);
  if (call.faulty()) return std::nullopt;
  const auto net =
      policy::client_net(Prefix(*address, address->bits()), settings.client.ipv4_prefix, settings.client.ipv6_prefix);
  const auto ttl = time.value_or(std::chrono::ceil<milliseconds>(settings.listing.ttl));
  // What an operator says is the end is one, also of who keeps coming.
  const auto lasts = time ? milliseconds::zero() : ttl;
  Addition addition{net,
                    [net, list, reason, now = wall_now(call), ttl, lasts](const store::Record* before) {
                      return policy::operators_listing({net, list, reason, now, now + ttl, lasts}, before);
                    },
                    {}};
  append_logfmt(addition.log, "for", to_string(ttl));
  append_logfmt(addition.log, "list", list);
  append_logfmt(addition.log, "reason", reason);
  return addition;
}

std::string log_line(const Call& call, std::string_view op, store::RecordKind kind, const Prefix& net) {
  auto line = fmt::format("control op={} uid={} kind={} net=", op, *call.peer.uid, store::to_string(kind));
  net.append_to(line);
  return line;
}

// Also of what has failed: it may be in force and not kept, or done and not acknowledged.
template <class Value>
void log_outcome(std::string line, const Result<Value>& outcome) {
  if (!outcome) append_logfmt(line, "error", outcome.error().message);
  log::info(line);
}

// Of just this net; or a client's listing, by its address.
Prefix what_is_there(const Call& call, store::RecordKind kind, const Prefix& net) {
  if (kind != store::RecordKind::listing || call.daemon.records.book().find_net(kind, net, call.now())) return net;
  const auto& client = call.daemon.settings.client;
  return policy::client_net(net, client.ipv4_prefix, client.ipv6_prefix);
}

}  // namespace

void list_records(Call& call) {
  auto& members = call.members;
  const auto kind = members.kind();
  const auto after = members.net("after", Need::optional);
  const auto most = members.number("most", Need::optional, largest_page, "a number").value_or(largest_page);
  const auto covers = members.address("covers", Need::optional);
  if (call.faulty()) return;
  const auto& book = call.daemon.records.book();
  const auto entries = covers ? covering(book, kind, *covers, after ? after->length() : -1, call.now())
                              : book.list(kind, after ? &*after : nullptr, most + 1, call.now());
  call.reply.ok(page(entries, most));
}

void add_record(Call& call) {
  constexpr std::array make{make_ban, make_grant, make_listing};
  const auto kind = call.members.kind();
  auto addition = make[static_cast<std::size_t>(kind)](call);
  if (!addition) return;
  auto line = log_line(call, "records.add", kind, addition->net) + addition->log;
  call.daemon.records.update(
      kind, addition->net, std::move(addition->change),
      [reply = call.reply, line = std::move(line)](const Result<store::RecordBook::Entry>& updated) {
        log_outcome(line, updated);
        if (!updated) return reply.error(updated.error().message);
        if (!*updated) return reply.error("it was over before it could be written");
        reply.ok(R"("record":)" + text_of(**updated));
      });
}

void remove_record(Call& call) {
  const auto kind = call.members.kind();
  const auto given = call.members.net("net", Need::required);
  if (call.faulty()) return;
  const auto net = what_is_there(call, kind, *given);
  // Also if it is not known here: another node's may not have been heard of yet.
  call.daemon.records.erase(
      kind, net,
      [reply = call.reply, line = log_line(call, "records.remove", kind, net), net](const Result<bool>& erased) {
        log_outcome(line, erased);
        if (!erased) return reply.error(erased.error().message);
        reply.ok(fmt::format(R"("removed":{},"net":"{}")", *erased, net.to_string()));
      });
}

}  // namespace mxwarden::server
