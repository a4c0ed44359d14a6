#include "policy/mail_event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "store/record.hpp"

namespace mxwarden::policy {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr std::size_t usual_size = 384;

// A longer one is cut where a character begins.
std::string cut(std::string_view text) {
  auto end = std::min(text.size(), store::longest_record_text);
  if (end == text.size()) return std::string(text);
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

// The members of an event. The first fault is kept.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  std::string text(std::string_view name) {
    const auto* value = object_.if_contains(name);
    if (value == nullptr) return {};
    const auto* string = value->if_string();
    if (string == nullptr) return wrong(name, "is to be a text"), std::string();
    return cut(*string);
  }

  std::optional<std::int64_t> number(std::string_view name) {
    const auto* value = object_.if_contains(name);
    if (value == nullptr) return std::nullopt;
    json::error_code error;
    const auto number = value->to_number<std::int64_t>(error);
    if (error || number < 0) return wrong(name, "is to be a number, 0 or more"), std::nullopt;
    return number;
  }

  bool flag(std::string_view name) {
    const auto* value = object_.if_contains(name);
    if (value == nullptr) return false;
    if (!value->is_bool()) wrong(name, "is to be true or false");
    return value->is_bool() && value->get_bool();
  }

  std::optional<Address> address(std::string_view name) {
    const auto written = text(name);
    if (written.empty()) return std::nullopt;
    auto address = Address::parse(written);
    if (!address) wrong(name, "is to be an address");
    return address;
  }

  void wrong(std::string_view name, std::string_view why) {
    if (fault_.empty()) fault_ = fmt::format("`{}' of an event {}", name, why);
  }

  const std::string& fault() const { return fault_; }

 private:
  const json::object& object_;
  std::string fault_;
};

}  // namespace

std::string_view to_string(EventKind kind) {
  return event_names[static_cast<std::size_t>(kind)];
}

std::optional<EventKind> parse_event_kind(std::string_view name) {
  const auto* found = std::ranges::find(event_names, name);
  if (found == event_names.end()) return std::nullopt;
  return static_cast<EventKind>(found - event_names.begin());
}

JsonText to_json(const MailEvent& event) {
  JsonText text(usual_size);
  text.add("event", to_string(event.kind));
  text.add_number("time", milliseconds_since_1970(event.time));
  text.add_number("position", event.position);
  if (event.again) text.add_json("again", "true");
  if (event.client) text.add("client", event.client->to_string());
  text.add("client_name", event.client_name);
  text.add("service", event.service);
  text.add("sender", event.sender);
  text.add("recipient", event.recipient);
  text.add("login", event.login);
  text.add("helo", event.helo);
  text.add("list", event.list);
  text.add("reason", event.reason);
  return text;
}

std::string to_text(const MailEvent& event) {
  return to_json(event).end();
}

Result<MailEvent> parse_mail_event(const json::object& object) {
  Members members(object);
  MailEvent event;
  const auto name = members.text("event");
  if (const auto kind = parse_event_kind(name)) {
    event.kind = *kind;
  } else {
    members.wrong("event", name.empty() ? "is missing" : "is no event that is known here");
  }
  if (const auto time = members.number("time")) {
    constexpr auto most = std::chrono::floor<milliseconds>(WallTime::max().time_since_epoch());
    event.time = WallTime(milliseconds(std::min(*time, static_cast<std::int64_t>(most.count()))));
  } else {
    members.wrong("time", "is missing: milliseconds since 1970");
  }
  event.position = static_cast<std::uint64_t>(members.number("position").value_or(0));
  event.again = members.flag("again");
  event.client = members.address("client");
  event.client_name = members.text("client_name");
  event.service = members.text("service");
  event.sender = members.text("sender");
  event.recipient = members.text("recipient");
  event.login = members.text("login");
  event.helo = members.text("helo");
  event.list = members.text("list");
  event.reason = members.text("reason");
  if (!members.fault().empty()) return Error{members.fault()};
  return event;
}

}  // namespace mxwarden::policy
