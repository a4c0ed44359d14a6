#include "server/control_explain.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <memory>
#include <string>
#include <utility>

#include "base/escape.hpp"
#include "policy/explanation.hpp"
#include "server/request_parser.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using policy::ExplainedRule;

// What an answer has around its rules, besides the action.
constexpr std::size_t frame = 1024;
// Of an entity, or of another text made of what a client sends.
constexpr std::size_t longest_text = 200;

// What is asked, while it is under way.
struct Asked {
  std::array<std::string, attribute_names.size()> values;
  std::string listener;
  policy::Explanation explanation;
};

// The fault of one attribute; empty: none.
std::string fault_of(std::string_view name, const json::value& value) {
  if (!find_attribute(name)) return fmt::format("{} is no attribute of Postfix's in `attributes'", quoted(name));
  const auto* text = value.if_string();
  if (text == nullptr) return fmt::format("`{}' in `attributes' must be text", name);
  if (name.size() + 1 + text->size() > RequestParser::Limits::line) {
    return fmt::format("`{}' in `attributes' is too long: with its name it may have {} bytes", name,
                       RequestParser::Limits::line - 1);
  }
  if (text->find_first_of(std::string_view("\0\n", 2)) != json::string::npos) {
    return fmt::format("`{}' in `attributes' has a NUL byte or a line end, which Postfix never sends", name);
  }
  return {};
}

void read_attributes(Members& members, const json::object& attributes, Asked& asked) {
  auto& request = asked.explanation.request;
  for (const auto& [name, value] : attributes) {
    if (auto fault = fault_of(name, value); !fault.empty()) return members.fail(std::move(fault));
    const auto attribute = *find_attribute(name);
    auto& text = asked.values[static_cast<std::size_t>(attribute)];
    text = value.get_string();
    request[attribute] = text;
  }
  const auto state = request[Attribute::protocol_state];
  request.state = parse_protocol_state(state);
  if (request.state == ProtocolState::other) {
    members.fail(
        fmt::format("`protocol_state' in `attributes' must be one of {}", fmt::join(protocol_state_names, ", ")));
  }
}

std::string shown(std::string_view text) {
  auto shown = printable(text);
  if (shown.size() <= longest_text) return shown;
  auto end = longest_text;
  while ((static_cast<unsigned char>(shown[end]) & 0xC0) == 0x80) --end;
  return shown.substr(0, end) + "...";
}

// The parts of a key stand in lines of their own.
std::string entity_text(std::string_view entity) {
  std::string text;
  for (const char c : entity) c == '\n' ? text += ", " : text += c;
  return shown(text);
}

std::int64_t milliseconds_of(Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

// Never: null.
void put_wait(json::object& to, Duration retry_after) {
  if (retry_after == Duration::max()) {
    to["retry_after_ms"] = nullptr;
  } else if (retry_after > Duration::zero()) {
    to["retry_after_ms"] = milliseconds_of(retry_after);
  }
}

json::object object_of(const policy::ExplainedCount& explained) {
  const auto& [count, answer] = explained;
  const auto& window = count.windows[answer.window];
  json::object object{{"entity", entity_text(count.entity)}};
  if (!count.member.empty()) object["member"] = shown(count.member);
  if (!count.gauge) object["adds"] = count.n;
  object["count"] = answer.count;
  object["limit"] = window.limit;
  if (!count.gauge) object["window_ms"] = milliseconds_of(window.length);
  object["over"] = answer.over;
  object["recorded"] = answer.recorded;
  if (answer.over) put_wait(object, answer.retry_after);
  return object;
}

// Of a rule that goes by what is known without the store.
json::object object_of(const policy::Cause& cause) {
  json::object object{{"count", cause.count}, {"limit", cause.limit}, {"over", true}};
  put_wait(object, cause.retry_after);
  return object;
}

json::object object_of(const store::Record& record) {
  auto object = json::parse(store::to_text(record)).as_object();
  object.erase("logins");  // there may be many
  return object;
}

std::string_view to_string(ExplainedRule::Says says) {
  switch (says) {
    case ExplainedRule::Says::answers:
      return "answers";
    case ExplainedRule::Says::would_answer:
      return "would answer";
    case ExplainedRule::Says::counts:
      return "counts";
    case ExplainedRule::Says::passes:
      return "passes";
    case ExplainedRule::Says::not_asked:
      break;
  }
  return "not asked";
}

json::object object_of(const ExplainedRule& rule) {
  json::object object{{"rule", rule.name},
                      {"mode", rule.mode == conf::Mode::monitor ? "monitor" : "enforce"},
                      {"says", to_string(rule.says)}};
  if (!rule.why.empty()) object["why"] = rule.why;
  if (rule.behind) object["behind"] = true;
  if (rule.verdict) object["action"] = rule.verdict->action;
  json::array counts;
  for (const auto& count : rule.counts) counts.push_back(object_of(count));
  if (rule.verdict && rule.verdict->cause && counts.empty()) counts.push_back(object_of(*rule.verdict->cause));
  if (!counts.empty()) object["counts"] = std::move(counts);
  if (rule.verdict && rule.verdict->record) object["record"] = object_of(*rule.verdict->record);
  if (rule.access != nullptr) object["access"] = {{"key", shown(rule.access->key)}, {"line", rule.access->line}};
  return object;
}

// As many as fit.
std::string text_of(const std::vector<ExplainedRule>& rules) {
  std::string text = R"("rules":[)";
  std::size_t taken = 0;
  for (; taken < rules.size(); ++taken) {
    const auto rule = json::serialize(object_of(rules[taken]));
    if (text.size() + rule.size() + frame > ControlOperations::longest_answer) break;
    if (taken > 0) text += ',';
    text += rule;
  }
  text += ']';
  if (taken < rules.size()) text += fmt::format(R"(,"left_out":{})", rules.size() - taken);
  return text;
}

std::string text_of(const policy::Explanation& explanation, const policy::Explained& explained) {
  const auto& decision = explained.decision;
  json::object object{{"action", decision.action}};
  if (decision.verdict) object["rule"] = decision.verdict->rule;
  object["store"] = decision.store;
  if (explained.held > Duration::zero()) object["held_ms"] = milliseconds_of(explained.held);
  object["new_session"] = explanation.view.new_session;
  const auto members = json::serialize(object);
  return fmt::format("{},{}", std::string_view(members).substr(1, members.size() - 2), text_of(explained.rules));
}

}  // namespace

void explain(Call& call) {
  const auto asked = std::make_shared<Asked>();
  auto& explanation = asked->explanation;
  const auto* attributes = call.members.object("attributes", Need::required);
  asked->listener = call.members.text("listener", Need::optional);
  explanation.request.listener = asked->listener;
  if (attributes != nullptr) read_attributes(call.members, *attributes, *asked);
  if (call.faulty()) return;
  call.daemon.explain(explanation, [asked, reply = call.reply](const policy::Explained& explained) {
    const auto& failure = explained.decision.failure;
    failure.empty() ? reply.ok(text_of(asked->explanation, explained)) : reply.error(failure);
  });
}

}  // namespace mxwarden::server
