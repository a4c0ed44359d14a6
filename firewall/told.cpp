#include "firewall/told.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/escape.hpp"

namespace mxwarden::firewall {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_quotation = 64;
// An epoch is in milliseconds since 1970. One that no clock ever shows would make all later lists old ones.
constexpr std::int64_t last_epoch = 253'402'300'799'999;  // of the year 9999
constexpr std::int64_t longest_ban_ms = std::chrono::duration_cast<std::chrono::milliseconds>(longest_ban).count();

// What a line is about: it has one of them.
constexpr std::array subjects{"net", "add", "remove", "heartbeat", "snapshot", "ok"};

Error fault(std::string_view what) {
  return Error{fmt::format("mxwardend said what is no word of bans.follow: {}", what)};
}

std::optional<Prefix> net_in(const json::value* value) {
  const auto* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) return std::nullopt;
  const auto net = Prefix::parse(*text);
  return net ? std::optional(*net) : std::nullopt;
}

// A whole number; one above any that fits is the largest.
std::optional<std::int64_t> number_in(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* number = value->if_int64()) return *number;
  if (value->is_uint64()) return std::numeric_limits<std::int64_t>::max();
  return std::nullopt;
}

std::optional<Duration> duration_in(const json::value* value) {
  const auto number = number_in(value);
  if (!number || *number <= 0) return std::nullopt;
  return std::chrono::milliseconds(std::min(*number, longest_ban_ms));
}

Result<Ban> ban_in(const json::object& object) {
  const auto net = net_in(object.if_contains("net"));
  if (!net) return fault("`net' is to be an address or a prefix");
  const auto left = duration_in(object.if_contains("left_ms"));
  if (!left) return fault("`left_ms' is to be a number above zero");
  Ban ban{*net, *left, std::nullopt};
  if (const auto* length = object.if_contains("length_ms")) {
    ban.length = duration_in(length);
    if (!ban.length) return fault("`length_ms' is to be a number above zero");
    ban.length = std::max(*ban.length, ban.left);
  }
  return ban;
}

template <class Kind>
Result<Told> with_ban(const json::object& object) {
  auto ban = ban_in(object);
  if (!ban) return ban.error();
  return Told(Kind{*ban});
}

Result<Told> added(const json::value& value) {
  const auto* object = value.if_object();
  return object == nullptr ? fault("`add' is to be an object") : with_ban<told::Added>(*object);
}

Result<Told> removed(const json::value& value) {
  const auto net = net_in(&value);
  if (!net) return fault("`remove' is to be an address or a prefix");
  return Told(told::Removed{*net});
}

Result<Told> heartbeat(const json::value& value) {
  const auto epoch = number_in(&value);
  if (!epoch || *epoch < 0) return fault("`heartbeat' is to be a number");
  return Told(told::Heartbeat{*epoch});
}

Result<Told> snapshot(const json::value& value, const json::object& line) {
  if (value == "end") return Told(told::SnapshotEnds{});
  if (value != "begin") return fault("`snapshot' is to be `begin' or `end'");
  const auto epoch = number_in(line.if_contains("epoch"));
  if (!epoch || *epoch <= 0 || *epoch > last_epoch) return fault("`epoch' is to be milliseconds since 1970");
  return Told(told::SnapshotBegins{*epoch});
}

Result<Told> answered(const json::value& value) {
  if (!value.is_bool()) return fault("`ok' is to be true or false");
  if (value.get_bool()) return Told(told::Following{});
  return Error{"mxwardend does not let this user follow the bans; [server] firewall_user names who may"};
}

Result<Told> told_by(const json::object& line) {
  const json::value* value = nullptr;
  std::string_view subject;
  for (const auto* name : subjects) {
    const auto* found = line.if_contains(name);
    if (found == nullptr) continue;
    if (value != nullptr) return fault(fmt::format("`{}' and `{}' in one line", subject, name));
    value = found;
    subject = name;
  }
  if (value == nullptr) return fault("it is about nothing that is known");
  if (subject == "net") return with_ban<told::InSnapshot>(line);
  if (subject == "add") return added(*value);
  if (subject == "remove") return removed(*value);
  if (subject == "heartbeat") return heartbeat(*value);
  if (subject == "snapshot") return snapshot(*value, line);
  return answered(*value);
}

Error quoting(const Error& error, std::string_view line) {
  return Error{fmt::format("{}: `{}'", error.message, printable(line.substr(0, longest_quotation)))};
}

}  // namespace

// A line is small: it is taken apart on the stack, as there may be a million of them.
Result<Told> parse_told(std::string_view line) {
  std::array<unsigned char, 2048> values;
  std::array<unsigned char, 1024> unfinished;
  json::monotonic_resource memory(values.data(), values.size());
  json::parser parser(json::storage_ptr(), json::parse_options(), unfinished.data(), unfinished.size());
  parser.reset(&memory);
  json::error_code error;
  parser.write(line, error);
  if (error) return quoting(fault("it is no JSON"), line);
  const auto value = parser.release();
  const auto* object = value.if_object();
  if (object == nullptr) return quoting(fault("it is no object"), line);
  auto told = told_by(*object);
  if (!told) return quoting(told.error(), line);
  return told;
}

Result<void> parse_answer(std::string_view line) {
  json::error_code error;
  const auto value = json::parse(line, error);
  const auto* object = error ? nullptr : value.if_object();
  const auto* ok = object == nullptr ? nullptr : object->if_contains("ok");
  if (ok != nullptr && *ok == true) return {};
  return quoting(Error{"mxwardend has refused it"}, line);
}

}  // namespace mxwarden::firewall
