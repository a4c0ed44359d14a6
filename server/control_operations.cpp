#include "server/control_operations.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>
#include <vector>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "server/control_bans.hpp"
#include "server/control_call.hpp"
#include "server/control_decisions.hpp"
#include "server/control_events.hpp"
#include "server/control_explain.hpp"
#include "server/control_firewall.hpp"
#include "server/control_records.hpp"
#include "server/control_top.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;

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
      {"spared", json::array(status.spared.begin(), status.spared.end())},
      {"firewall", firewall_status(call.daemon.firewall, call.now())},
  };
  call.reply.ok(object);
}

json::array as_many_as_fit(const std::vector<std::string>& sentences) {
  json::array texts;
  std::size_t size = 0;
  for (const auto& sentence : sentences) {
    auto text = cut_sentence(sentence);
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
  if (warnings->empty()) return call.reply.ok();
  call.reply.ok(R"("warnings":)" + json::serialize(as_many_as_fit(*warnings)));
}

// Whom besides root and the members of the group an operation is for.
enum class For : std::uint8_t { operators, maillog, firewall };

struct Operation {
  std::string_view name;
  void (*run)(Call& call);
  For whom = For::operators;
};

constexpr std::array operations{Operation{"status", status},
                                Operation{"records.list", list_records},
                                Operation{"records.add", add_record},
                                Operation{"records.remove", remove_record},
                                Operation{"reload", reload},
                                Operation{"explain", explain},
                                Operation{"decisions.follow", follow_decisions},
                                Operation{"bans.follow", follow_bans, For::firewall},
                                Operation{"firewall.report", take_firewall_report, For::firewall},
                                Operation{"event", take_events, For::maillog},
                                Operation{"top", list_top}};

std::string names_of_operations() {
  std::vector<std::string_view> names;
  for (const auto& operation : operations) names.push_back(operation.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// The one place that says who may do what.
std::optional<std::string> why_not(const ControlPeer& peer, const ControlUsers& users, const Operation& operation) {
  if (!peer.uid) return "the kernel does not say who asks (SO_PEERCRED), so nothing is answered";
  const bool is_maillog = peer.uid == users.maillog;
  const bool is_firewall = peer.uid == users.firewall;
  if (!is_maillog && !is_firewall) return std::nullopt;
  const bool may = (is_maillog && operation.whom == For::maillog) || (is_firewall && operation.whom == For::firewall);
  if (may) return std::nullopt;
  return fmt::format("`{}' is not for the user that asks (uid {}); [server] {} names it", operation.name, *peer.uid,
                     is_maillog ? "maillog_user" : "firewall_user");
}

}  // namespace

std::unique_ptr<ControlStream> ControlOperations::answer(std::string_view request, const ControlPeer& peer, bool first,
                                                         Answered answered) {
  const Reply reply{first, std::move(answered)};
  const auto refuse = [&](std::string_view sentence) {
    reply.error(sentence);
    return nullptr;
  };
  json::error_code error;
  const auto value = json::parse(request, error);
  if (error) return refuse("a request is one JSON object a line; this is no JSON: " + error.message());
  const auto* object = value.if_object();
  if (object == nullptr) return refuse(R"(a request is a JSON object, as {"op":"status"})");
  const auto* op = object->if_contains("op");
  const auto* name = op == nullptr ? nullptr : op->if_string();
  if (name == nullptr) return refuse("`op' is missing, or no text: one of " + names_of_operations());
  const auto* operation = std::ranges::find(operations, std::string_view(*name), &Operation::name);
  if (operation == operations.end()) {
    return refuse(fmt::format("`op' {} is unknown: one of {}", quoted(*name), names_of_operations()));
  }
  if (const auto why = why_not(peer, daemon_.users(), *operation)) return refuse(*why);
  Call call{daemon_, peer, Members(*object), reply};
  operation->run(call);
  return std::move(call.stream);
}

}  // namespace mxwarden::server
