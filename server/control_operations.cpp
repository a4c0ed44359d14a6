#include "server/control_operations.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>
#include <vector>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "base/log.hpp"
#include "policy/record_changes.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr int protocol = 1;
constexpr milliseconds longest_time = std::chrono::hours(24) * 3650;
constexpr std::uint64_t largest_page = 1000;
// What an answer has around its records.
constexpr std::size_t frame_of_a_page = 256;
// However it is escaped, an answer has room for it.
constexpr std::size_t longest_sentence = 10'000;
// The longest form of a net (RFC 4291, with IPv4 at its end) and its length, with some to spare.
constexpr std::size_t longest_net = 64;

enum class Need : std::uint8_t { required, optional };

// The members of a request. A fault is kept, and what is read after it is empty: to be asked for once, at the end.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  std::string text(std::string_view name, Need need) {
    constexpr std::string_view allowed = "text of 1 to 300 bytes without control characters";
    const auto* value = find(name, need, allowed);
    if (value == nullptr) return {};
    const auto* text = value->if_string();
    if (text == nullptr || text->empty() || text->size() > store::longest_record_text || printable(*text) != *text) {
      wrong(name, allowed);
      return {};
    }
    return std::string(*text);
  }

  std::optional<Prefix> net(std::string_view name, Need need) {
    constexpr std::string_view allowed = "an address or a net, as text";
    const auto* value = find(name, need, allowed);
    if (value == nullptr) return std::nullopt;
    const auto* text = value->if_string();
    if (text == nullptr || text->size() > longest_net) {
      wrong(name, allowed);
      return std::nullopt;
    }
    auto net = Prefix::parse(*text);
    if (!net) {
      fail(fmt::format("`{}': {}", name, net.error().message));
      return std::nullopt;
    }
    return *net;
  }

  std::optional<Address> address(std::string_view name, Need need) {
    const auto whole = net(name, need);
    if (!whole) return std::nullopt;
    if (whole->length() == whole->address().bits()) return whole->address();
    wrong(name, "one address, not a net");
    return std::nullopt;
  }

  std::optional<std::uint64_t> number(std::string_view name, Need need, std::uint64_t most, std::string_view what) {
    const auto allowed = fmt::format("{} from 1 to {}", what, most);
    const auto* value = find(name, need, allowed);
    if (value == nullptr) return std::nullopt;
    json::error_code error;
    const auto number = value->is_double() ? 0 : value->to_number<std::uint64_t>(error);
    if (!error && number >= 1 && number <= most) return number;
    wrong(name, allowed);
    return std::nullopt;
  }

  std::optional<milliseconds> duration(std::string_view name, Need need) {
    const auto count = number(name, need, static_cast<std::uint64_t>(longest_time.count()), "milliseconds,");
    if (!count) return std::nullopt;
    return milliseconds(*count);
  }

  bool flag(std::string_view name) {
    constexpr std::string_view allowed = "true or false";
    const auto* value = find(name, Need::optional, allowed);
    if (value == nullptr) return false;
    if (const auto* flag = value->if_bool()) return *flag;
    wrong(name, allowed);
    return false;
  }

  store::RecordKind kind() {
    constexpr std::string_view allowed = "ban, grant or listing";
    const auto* value = find("kind", Need::required, allowed);
    const auto* text = value == nullptr ? nullptr : value->if_string();
    const auto kind = text == nullptr ? std::nullopt : store::parse_record_kind(*text);
    if (value != nullptr && !kind) wrong("kind", allowed);
    return kind.value_or(store::RecordKind::ban);
  }

  void fail(std::string sentence) {
    if (fault_.empty()) fault_ = std::move(sentence);
  }

  // What is wrong; empty: nothing. Only now it is known which members there may be.
  const std::string& fault() {
    for (const auto& member : object_) {
      if (std::ranges::find(known_, std::string_view(member.key())) != known_.end()) continue;
      fail(fmt::format("{} is no member of this; it may have {}", quoted(member.key()), fmt::join(known_, ", ")));
    }
    return fault_;
  }

 private:
  const json::value* find(std::string_view name, Need need, std::string_view allowed) {
    known_.push_back(name);
    const auto* value = object_.if_contains(name);
    if (value == nullptr && need == Need::required) fail(fmt::format("`{}' is missing: {}", name, allowed));
    return value;
  }

  void wrong(std::string_view name, std::string_view allowed) { fail(fmt::format("`{}' must be {}", name, allowed)); }

  const json::object& object_;
  std::vector<std::string_view> known_{"op"};
  std::string fault_;
};

std::string cut(std::string_view sentence) {
  auto text = is_utf8(sentence) ? std::string(sentence) : printable(sentence);
  if (text.size() <= longest_sentence) return text;
  auto end = longest_sentence;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string begin_answer(bool ok, bool first) {
  std::string text = ok ? R"({"ok":true)" : R"({"ok":false)";
  if (first) text += fmt::format(R"(,"proto":{})", protocol);
  return text;
}

// Where the answer goes, which may be after the call.
struct Reply {
  bool first = false;
  ControlOperations::Answered answered;

  // `members` as JSON, without braces.
  void ok(std::string_view members) const {
    auto text = begin_answer(true, first);
    if (!members.empty()) text.append(",").append(members);
    answered(text.append("}"));
  }
  void error(std::string_view sentence) const { answered(ControlOperations::error(sentence, first)); }
};

struct Call {
  const ControlOperations::Daemon& daemon;
  const ControlPeer& peer;
  Members members;
  Reply reply;

  // Answered, if something is wrong.
  bool faulty() {
    const auto& fault = members.fault();
    if (!fault.empty()) reply.error(fault);
    return !fault.empty();
  }
  Instant now() const { return daemon.clock.now(); }
};

// --- status

void status(Call& call) {
  if (call.faulty()) return;
  const auto status = call.daemon.status();
  const auto& book = call.daemon.records.book();
  json::object refused;
  for (const auto& [rule, count] : status.totals.refusals) refused[rule] = count;
  json::object records;
  for (std::size_t at = 0; at < store::record_kinds; ++at) {
    const auto kind = static_cast<store::RecordKind>(at);
    records[store::to_string(kind)] = book.size(kind);
  }
  const json::object object{
      {"version", MXWARDEN_VERSION},
      {"node", call.daemon.settings.server.node},
      {"pid", ::getpid()},
      {"uptime_s", std::chrono::floor<std::chrono::seconds>(status.uptime).count()},
      {"backend", status.backend},
      {"store_up", status.store_up},
      {"records_current", call.daemon.records.current()},
      {"records", std::move(records)},
      {"decisions", status.totals.decisions},
      {"decisions_per_s", status.totals.last_second},
      {"refused", std::move(refused)},
      {"connections", status.connections},
      {"sessions", status.sessions},
      {"smtp_connections", status.smtp_connections},
  };
  const auto text = json::serialize(object);
  call.reply.ok(std::string_view(text).substr(1, text.size() - 2));
}

// --- records.list

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

// Of a grant only the latest logins, where all of them are more than fits.
std::string text_of(const store::Record& record) {
  auto text = store::to_text(record);
  if (text.size() + frame_of_a_page <= ControlOperations::longest_answer) return text;
  auto shorter = record;
  if (auto* grant = std::get_if<store::Grant>(&shorter.what); grant != nullptr && grant->logins.size() > 1) {
    const auto half = static_cast<std::ptrdiff_t>((grant->logins.size() + 1) / 2);
    std::ranges::stable_sort(grant->logins, {}, &store::Grant::Login::last);
    grant->logins.erase(grant->logins.begin(), grant->logins.begin() + half);
    return text_of(shorter);
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

void list(Call& call) {
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

// --- records.add

struct Addition {
  store::Record record;
  std::string log;  // of what is to be logged, the kind's own
};

// What was there of this kind and net, and the time in which records end.
struct Before {
  Before(const Call& call, store::RecordKind kind, const Prefix& net)
      : entry(call.daemon.records.book().find_net(kind, net, call.now())),
        wall_now(std::chrono::floor<milliseconds>(call.daemon.records.book().wall(call.now()))) {}

  store::RecordBook::Entry entry;
  WallTime wall_now;  // to what a record's text can say
};

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
  const Before before(call, store::RecordKind::ban, *net);
  Addition addition{policy::operators_ban(*net, before.wall_now + *time, reason, before.entry.get()), {}};
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
  const Before before(call, store::RecordKind::grant, Prefix(*address, address->bits()));
  const auto ttl = time.value_or(std::chrono::ceil<milliseconds>(settings.relay_grant.ttl));
  Addition addition{policy::granted({*address, login, before.wall_now, before.wall_now + ttl}, before.entry.get()), {}};
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
  const Before before(call, store::RecordKind::listing, net);
  const auto ttl = time.value_or(std::chrono::ceil<milliseconds>(settings.listing.ttl));
  Addition addition{policy::listed({net, list, reason, before.wall_now, before.wall_now + ttl}, before.entry.get()),
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
void log_outcome(std::string line, const Result<void>& outcome) {
  if (!outcome) append_logfmt(line, "error", outcome.error().message);
  log::info(line);
}

void add(Call& call) {
  constexpr std::array make{make_ban, make_grant, make_listing};
  const auto kind = call.members.kind();
  auto addition = make[static_cast<std::size_t>(kind)](call);
  if (!addition) return;
  auto line = log_line(call, "records.add", kind, addition->record.net) + addition->log;
  auto answer = R"("record":)" + text_of(addition->record);
  call.daemon.records.put(std::move(addition->record), [reply = call.reply, line = std::move(line),
                                                        answer = std::move(answer)](const Result<void>& put) {
    log_outcome(line, put);
    if (!put) return reply.error(put.error().message);
    reply.ok(answer);
  });
}

// --- records.remove

// Of just this net; or a client's listing, by its address.
Prefix what_is_there(const Call& call, store::RecordKind kind, const Prefix& net) {
  if (kind != store::RecordKind::listing || call.daemon.records.book().find_net(kind, net, call.now())) return net;
  const auto& client = call.daemon.settings.client;
  return policy::client_net(net, client.ipv4_prefix, client.ipv6_prefix);
}

void remove(Call& call) {
  const auto kind = call.members.kind();
  const auto given = call.members.net("net", Need::required);
  if (call.faulty()) return;
  const auto net = what_is_there(call, kind, *given);
  const bool there = call.daemon.records.book().find_net(kind, net, call.now()) != nullptr;
  // Also if it is not known here: another node's may not have been heard of yet.
  call.daemon.records.erase(
      kind, net,
      [reply = call.reply, line = log_line(call, "records.remove", kind, net), net, there](const Result<void>& erased) {
        log_outcome(line, erased);
        if (!erased) return reply.error(erased.error().message);
        reply.ok(fmt::format(R"("removed":{},"net":"{}")", there, net.to_string()));
      });
}

// --- reload

json::array as_many_as_fit(const std::vector<std::string>& sentences) {
  json::array texts;
  std::size_t size = 0;
  for (const auto& sentence : sentences) {
    auto text = cut(sentence);
    size += text.size();
    if (size > longest_sentence) {
      texts.emplace_back("more are in the log");
      break;
    }
    texts.emplace_back(std::move(text));
  }
  return texts;
}

void reload(Call& call) {
  if (call.faulty()) return;
  log::info(fmt::format("control op=reload uid={}", *call.peer.uid));
  const auto warnings = call.daemon.reload();
  if (!warnings) return call.reply.error(warnings.error().message);
  if (warnings->empty()) return call.reply.ok({});
  call.reply.ok(R"("warnings":)" + json::serialize(as_many_as_fit(*warnings)));
}

struct Operation {
  std::string_view name;
  void (*run)(Call& call);
};

constexpr std::array operations{Operation{"status", status}, Operation{"records.list", list},
                                Operation{"records.add", add}, Operation{"records.remove", remove},
                                Operation{"reload", reload}};

std::string names_of_operations() {
  std::vector<std::string_view> names;
  for (const auto& operation : operations) names.push_back(operation.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// The one place that says who may do what. Whom the socket's mode lets in, root and its group, may do everything.
std::optional<std::string> why_not(const ControlPeer& peer) {
  if (peer.uid) return std::nullopt;
  return "the kernel does not say who asks (SO_PEERCRED), so nothing is answered";
}

}  // namespace

void ControlOperations::answer(std::string_view request, const ControlPeer& peer, bool first, Answered answered) {
  const Reply reply{first, std::move(answered)};
  if (const auto why = why_not(peer)) return reply.error(*why);
  json::error_code error;
  const auto value = json::parse(request, error);
  if (error) return reply.error("a request is one JSON object a line; this is no JSON: " + error.message());
  const auto* object = value.if_object();
  if (object == nullptr) return reply.error(R"(a request is a JSON object, as {"op":"status"})");
  const auto* op = object->if_contains("op");
  const auto* name = op == nullptr ? nullptr : op->if_string();
  if (name == nullptr) return reply.error("`op' is missing, or no text: one of " + names_of_operations());
  const auto* operation = std::ranges::find(operations, std::string_view(*name), &Operation::name);
  if (operation == operations.end()) {
    return reply.error(fmt::format("`op' {} is unknown: one of {}", quoted(*name), names_of_operations()));
  }
  Call call{daemon_, peer, Members(*object), reply};
  operation->run(call);
}

std::string ControlOperations::error(std::string_view sentence, bool first) {
  return begin_answer(false, first) + R"(,"error":)" + json::serialize(json::value(cut(sentence))) + "}";
}

}  // namespace mxwarden::server
