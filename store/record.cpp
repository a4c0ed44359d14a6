#include "store/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <limits>
#include <utility>

#include "base/escape.hpp"

namespace mxwarden::store {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, record_kinds> kind_names{"ban", "grant", "listing"};

// Of strangers, some of it: the first bytes that are whole characters, `?` in the place of others.
std::string cut(std::string_view text) {
  if (text.size() <= longest_record_text && is_utf8(text)) return std::string(text);
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    while (length < 4 && at + length < text.size() && !is_utf8(text.substr(at, length))) ++length;
    const auto character = text.substr(at, length);
    const bool good = is_utf8(character);
    if (clean.size() + (good ? length : 1) > longest_record_text) break;
    if (good) {
      clean += character;
    } else {
      clean += '?';
    }
    at += good ? length : 1;
  }
  return clean;
}

void write(json::object& to, const Ban& ban) {
  to["rule"] = cut(ban.rule);
  to["reason"] = cut(ban.reason);
  to["offences"] = ban.offences;
  if (ban.made != WallTime()) to["made"] = milliseconds_since_1970(ban.made);
}

void write(json::object& to, const Grant& grant) {
  json::array logins;
  const auto kept = std::min(grant.logins.size(), most_record_logins);
  for (auto login = grant.logins.end() - static_cast<std::ptrdiff_t>(kept); login != grant.logins.end(); ++login) {
    logins.push_back(json::object{{"name", cut(login->name)},
                                  {"first", milliseconds_since_1970(login->first)},
                                  {"last", milliseconds_since_1970(login->last)},
                                  {"refreshes", login->refreshes}});
  }
  to["logins"] = std::move(logins);
}

void write(json::object& to, const Listing& listing) {
  to["list"] = cut(listing.list);
  to["reason"] = cut(listing.reason);
  to["client_name"] = cut(listing.client_name);
  to["first"] = milliseconds_since_1970(listing.first);
  to["last"] = milliseconds_since_1970(listing.last);
  to["period_began"] = milliseconds_since_1970(listing.period_began);
  to["hits_in_period"] = listing.hits_in_period;
  to["hits"] = listing.hits;
  to["by_operator"] = listing.by_operator;
  to["lasts"] = listing.lasts.count();
  to["bans"] = listing.bans;
  to["banned_until"] = milliseconds_since_1970(listing.banned_until);
  if (listing.unconfirmed) to["unconfirmed"] = true;
}

// {"8d1c6f20aa55e713":48211}
json::object marks_of(const Record& record) {
  json::object marks;
  for (const auto& mark : record.marks) marks[fmt::format("{:016x}", mark.source)] = mark.position;
  return marks;
}

// The members of an object; one of another type counts as missing.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  std::string text(std::string_view name) const {
    const auto* value = object_.if_contains(name);
    const auto* found = value == nullptr ? nullptr : value->if_string();
    return found == nullptr ? std::string() : cut(*found);
  }

  std::optional<std::int64_t> number(std::string_view name) const {
    const auto* value = object_.if_contains(name);
    if (value == nullptr) return std::nullopt;
    if (const auto* number = value->if_int64()) return *number;
    if (value->is_uint64()) return std::numeric_limits<std::int64_t>::max();
    return std::nullopt;
  }

  template <class Number>
  Number count(std::string_view name, Number otherwise) const {
    const auto* value = object_.if_contains(name);
    std::uint64_t found = 0;
    if (value != nullptr && value->is_uint64()) {
      found = value->get_uint64();
    } else if (value != nullptr && value->is_int64() && value->get_int64() >= 0) {
      found = static_cast<std::uint64_t>(value->get_int64());
    } else {
      return otherwise;
    }
    return static_cast<Number>(std::min<std::uint64_t>(found, std::numeric_limits<Number>::max()));
  }

  // No further from 1970 than a WallTime can say.
  WallTime wall_time(std::string_view name) const {
    using std::chrono::milliseconds;
    constexpr auto most = std::chrono::floor<milliseconds>(WallTime::max().time_since_epoch());
    return WallTime(milliseconds(std::clamp(number(name).value_or(0), -most.count(), most.count())));
  }

  // Ten years at most, as a record can be made to last.
  std::chrono::milliseconds duration(std::string_view name) const {
    constexpr std::chrono::milliseconds most = std::chrono::hours(24) * 3650;
    return std::chrono::milliseconds(std::clamp<std::int64_t>(number(name).value_or(0), 0, most.count()));
  }

  bool flag(std::string_view name) const {
    const auto* value = object_.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
  }

  const json::array* array(std::string_view name) const {
    const auto* value = object_.if_contains(name);
    return value == nullptr ? nullptr : value->if_array();
  }

  const json::object* object(std::string_view name) const {
    const auto* value = object_.if_contains(name);
    return value == nullptr ? nullptr : value->if_object();
  }

 private:
  const json::object& object_;
};

Ban read_ban(const Members& from) {
  return {.rule = from.text("rule"),
          .reason = from.text("reason"),
          .offences = from.count<std::uint32_t>("offences", 1),
          .made = from.wall_time("made")};
}

Grant read_grant(const Members& from) {
  Grant grant;
  const auto* logins = from.array("logins");
  if (logins == nullptr) return grant;
  for (const auto& value : *logins) {
    const auto* object = value.if_object();
    if (object == nullptr) continue;
    const Members login(*object);
    grant.logins.push_back({.name = login.text("name"),
                            .first = login.wall_time("first"),
                            .last = login.wall_time("last"),
                            .refreshes = login.count<std::uint32_t>("refreshes", 0)});
  }
  if (grant.logins.size() > most_record_logins) {
    grant.logins.erase(grant.logins.begin(), grant.logins.end() - static_cast<std::ptrdiff_t>(most_record_logins));
  }
  return grant;
}

Listing read_listing(const Members& from) {
  return {.list = from.text("list"),
          .reason = from.text("reason"),
          .client_name = from.text("client_name"),
          .first = from.wall_time("first"),
          .last = from.wall_time("last"),
          .period_began = from.wall_time("period_began"),
          .hits_in_period = from.count<std::uint64_t>("hits_in_period", 0),
          .hits = from.count<std::uint64_t>("hits", 0),
          .by_operator = from.flag("by_operator"),
          .lasts = from.duration("lasts"),
          .bans = from.count<std::uint32_t>("bans", 0),
          .banned_until = from.wall_time("banned_until"),
          .unconfirmed = from.flag("unconfirmed")};
}

std::optional<std::uint64_t> read_hash(std::string_view text) {
  std::uint64_t hash = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return hash;
}

void read_marks(const json::object* from, Record& record) {
  if (from == nullptr) return;
  for (const auto& [name, value] : *from) {
    const auto source = read_hash(name);
    const auto position = source ? Members(*from).count<std::uint64_t>(name, 0) : 0;
    if (position > 0) put_mark(record, {*source, position});
  }
}

std::variant<Ban, Grant, Listing> read(RecordKind kind, const Members& from) {
  if (kind == RecordKind::ban) return read_ban(from);
  if (kind == RecordKind::grant) return read_grant(from);
  return read_listing(from);
}

}  // namespace

std::string_view to_string(RecordKind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::optional<RecordKind> parse_record_kind(std::string_view text) {
  const auto* found = std::ranges::find(kind_names, text);
  if (found == kind_names.end()) return std::nullopt;
  return static_cast<RecordKind>(found - kind_names.begin());
}

std::string to_text(const Record& record) {
  json::object object;
  object["kind"] = to_string(record.kind());
  object["net"] = record.net.to_string();
  object["until"] = milliseconds_since_1970(record.until);
  std::visit([&](const auto& what) { write(object, what); }, record.what);
  if (!record.marks.empty()) object["marks"] = marks_of(record);
  return json::serialize(object);
}

Result<Record> parse_record(std::string_view text) {
  json::error_code error;
  // A million of them are read at a start: what a usual one needs is not allocated.
  std::array<unsigned char, 4096> room;
  json::monotonic_resource memory(room.data(), room.size());
  const auto value = json::parse(json::string_view(text.data(), text.size()), error, &memory);
  if (error) return Error{"a record is not JSON: " + error.message()};
  const auto* object = value.if_object();
  if (object == nullptr) return Error{"a record is not a JSON object"};
  const Members members(*object);
  const auto kind = parse_record_kind(members.text("kind"));
  if (!kind) return Error{"a record has no `kind' of ban, grant or listing"};
  const auto net = Prefix::parse(members.text("net"));
  if (!net) return Error{"the `net' of a record is no address and no net"};
  if (!members.number("until")) return Error{"a record has no `until'"};
  if (*kind == RecordKind::grant && net->length() != net->address().bits())
    return Error{"a grant is not of one address"};
  Record record{.net = *net, .until = members.wall_time("until"), .what = read(*kind, members)};
  if (const auto* grant = std::get_if<Grant>(&record.what); grant != nullptr && grant->logins.empty()) {
    return Error{"a grant has no `logins'"};
  }
  read_marks(members.object("marks"), record);
  return record;
}

std::uint64_t position_in(const Record& record, std::uint64_t source) {
  const auto found = std::ranges::find(record.marks, source, &Mark::source);
  return found == record.marks.end() ? 0 : found->position;
}

void put_mark(Record& record, const Mark& mark) {
  std::erase_if(record.marks, [&](const Mark& one) { return one.source == mark.source; });
  if (record.marks.size() >= most_record_marks) record.marks.erase(record.marks.begin());
  record.marks.push_back(mark);
}

}  // namespace mxwarden::store
