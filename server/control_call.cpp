#include "server/control_call.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/escape.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr int protocol = 1;
constexpr milliseconds longest_time = std::chrono::hours(24) * 3650;
// The longest form of a net (RFC 4291, with IPv4 at its end) and its length, with some to spare.
constexpr std::size_t longest_net = 64;

std::string begin_answer(bool ok, bool first) {
  std::string text = ok ? R"({"ok":true)" : R"({"ok":false)";
  if (first) text += fmt::format(R"(,"proto":{})", protocol);
  return text;
}

}  // namespace

std::string Members::text(std::string_view name, Need need, std::size_t longest) {
  const auto allowed = fmt::format("text of 1 to {} bytes without control characters", longest);
  const auto* value = find(name, need, allowed);
  if (value == nullptr) return {};
  const auto* text = value->if_string();
  if (text == nullptr || text->empty() || text->size() > longest || printable(*text) != *text) {
    wrong(name, allowed);
    return {};
  }
  return std::string(*text);
}

std::optional<Prefix> Members::net(std::string_view name, Need need) {
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

std::optional<Address> Members::address(std::string_view name, Need need) {
  const auto whole = net(name, need);
  if (!whole) return std::nullopt;
  if (whole->length() == whole->address().bits()) return whole->address();
  wrong(name, "one address, not a net");
  return std::nullopt;
}

std::optional<std::uint64_t> Members::number(std::string_view name, Need need, std::uint64_t most,
                                             std::string_view what) {
  const auto allowed = fmt::format("{} from 1 to {}", what, most);
  const auto* value = find(name, need, allowed);
  if (value == nullptr) return std::nullopt;
  json::error_code error;
  const auto number = value->is_double() ? 0 : value->to_number<std::uint64_t>(error);
  if (!error && number >= 1 && number <= most) return number;
  wrong(name, allowed);
  return std::nullopt;
}

std::optional<milliseconds> Members::duration(std::string_view name, Need need) {
  const auto count = number(name, need, static_cast<std::uint64_t>(longest_time.count()), "milliseconds,");
  if (!count) return std::nullopt;
  return milliseconds(*count);
}

bool Members::flag(std::string_view name, Need need) {
  constexpr std::string_view allowed = "true or false";
  const auto* value = find(name, need, allowed);
  if (value == nullptr) return false;
  if (const auto* flag = value->if_bool()) return *flag;
  wrong(name, allowed);
  return false;
}

std::optional<std::uint64_t> Members::count(std::string_view name) {
  constexpr std::string_view allowed = "a number from 0 on";
  const auto* value = find(name, Need::optional, allowed);
  if (value == nullptr) return std::nullopt;
  json::error_code error;
  const auto number = value->is_double() ? 0 : value->to_number<std::uint64_t>(error);
  if (error || value->is_double()) wrong(name, allowed);
  return number;
}

const json::array* Members::array(std::string_view name, Need need) {
  constexpr std::string_view allowed = "an array";
  const auto* value = find(name, need, allowed);
  const auto* array = value == nullptr ? nullptr : value->if_array();
  if (value != nullptr && array == nullptr) wrong(name, allowed);
  return array;
}

const json::object* Members::object(std::string_view name, Need need) {
  constexpr std::string_view allowed = "an object";
  const auto* value = find(name, need, allowed);
  const auto* object = value == nullptr ? nullptr : value->if_object();
  if (value != nullptr && object == nullptr) wrong(name, allowed);
  return object;
}

store::RecordKind Members::kind() {
  constexpr std::string_view allowed = "ban, grant or listing";
  const auto* value = find("kind", Need::required, allowed);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  const auto kind = text == nullptr ? std::nullopt : store::parse_record_kind(*text);
  if (value != nullptr && !kind) wrong("kind", allowed);
  return kind.value_or(store::RecordKind::ban);
}

void Members::fail(std::string sentence) {
  if (fault_.empty()) fault_ = std::move(sentence);
}

const std::string& Members::fault() {
  for (const auto& member : object_) {
    if (std::ranges::find(known_, std::string_view(member.key())) != known_.end()) continue;
    fail(fmt::format("{} is no member of this; it may have {}", quoted(member.key()), fmt::join(known_, ", ")));
  }
  return fault_;
}

const json::value* Members::find(std::string_view name, Need need, std::string_view allowed) {
  known_.push_back(name);
  const auto* value = object_.if_contains(name);
  if (value == nullptr && need == Need::required) fail(fmt::format("`{}' is missing: {}", name, allowed));
  return value;
}

void Members::wrong(std::string_view name, std::string_view allowed) {
  fail(fmt::format("`{}' must be {}", name, allowed));
}

std::string cut_sentence(std::string_view sentence) {
  auto text = is_utf8(sentence) ? std::string(sentence) : printable(sentence);
  if (text.size() <= longest_sentence) return text;
  auto end = longest_sentence;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

void Reply::ok(std::string_view members) const {
  auto text = begin_answer(true, first);
  if (!members.empty()) text.append(",").append(members);
  answered(text.append("}"));
}

void Reply::ok(const json::object& members) const {
  const auto text = json::serialize(members);
  ok(std::string_view(text).substr(1, text.size() - 2));
}

void Reply::error(std::string_view sentence) const {
  answered(ControlOperations::error(sentence, first));
}

bool Call::faulty() {
  const auto& fault = members.fault();
  if (!fault.empty()) reply.error(fault);
  return !fault.empty();
}

void Call::follow(const std::function<std::unique_ptr<ControlStream>()>& make) {
  if (!peer.may_follow) return reply.error("as many streams run as may, and none more can be followed");
  auto made = make();
  reply.ok();
  stream = std::move(made);
}

std::string ControlOperations::error(std::string_view sentence, bool first) {
  return begin_answer(false, first) + R"(,"error":)" + json::serialize(json::value(cut_sentence(sentence))) + "}";
}

}  // namespace mxwarden::server
