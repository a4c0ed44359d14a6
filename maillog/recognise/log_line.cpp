#include "maillog/recognise/log_line.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>

#include "base/ascii.hpp"
#include "maillog/recognise/cursor.hpp"

namespace mxwarden::maillog {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
// February 29 may be that far back.
constexpr int most_years_back = 8;

// The number that two digits make, or -1. `blank` allows for one in the place of the first.
int two_digits(const char* at, bool blank = false) {
  const bool padded = blank && at[0] == ' ';
  if ((!padded && !is_digit(at[0])) || !is_digit(at[1])) return -1;
  return (padded ? 0 : (at[0] - '0') * 10) + (at[1] - '0');
}

// `HH:MM:SS`; a leap second may be there.
std::optional<seconds> parse_clock(const char* at) {
  const auto hour = two_digits(at);
  const auto minute = two_digits(at + 3);
  const auto second = two_digits(at + 6);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  if (at[2] != ':' || at[5] != ':') return std::nullopt;
  return hours(hour) + minutes(minute) + seconds(second);
}

// A minute of this host's local time, in some year.
struct LocalMinute {
  unsigned month = 0;  // from 1
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
};

// `Nov 20 23:30`, with a day that is padded by a zero or a blank.
std::optional<LocalMinute> parse_minute(std::string_view text) {
  const auto month = std::ranges::find(month_names, text.substr(0, 3));
  const auto day = two_digits(text.data() + 4, true);
  LocalMinute local{.month = static_cast<unsigned>(month - month_names.begin()) + 1,
                    .day = static_cast<unsigned>(day),
                    .hour = two_digits(text.data() + 7),
                    .minute = two_digits(text.data() + 10)};
  if (month == month_names.end() || text[3] != ' ' || text[6] != ' ' || text[9] != ':') return std::nullopt;
  if (day < 1 || day > 31 || local.hour < 0 || local.hour > 23) return std::nullopt;
  if (local.minute < 0 || local.minute > 59) return std::nullopt;
  return local;
}

// How far this host's clock is ahead then.
seconds ahead_at(WallTime time) {
  const auto since_1970 = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  if (::localtime_r(&since_1970, &local) == nullptr) return {};
  return seconds(local.tm_gmtoff);
}

// When the clock showed that. Of an hour that is there twice mktime(3) would take either, and very long over it.
WallTime when_shown(WallTime shown, WallTime read_at) {
  const auto ahead_before = ahead_at(shown - hours(24));
  const auto ahead_behind = ahead_at(shown + hours(24));
  const auto before = shown - ahead_before;
  const auto behind = shown - ahead_behind;
  const bool has_been_before = ahead_at(before) == ahead_before;
  const bool has_been_behind = ahead_at(behind) == ahead_behind;
  // Neither: the clock was put forward over it.
  if (has_been_before != has_been_behind) return has_been_before ? before : behind;
  return std::chrono::abs(before - read_at) < std::chrono::abs(behind - read_at) ? before : behind;
}

std::optional<WallTime> in_year(const LocalMinute& local, int year, WallTime read_at) {
  const auto day = std::chrono::year(year) / std::chrono::month(local.month) / std::chrono::day(local.day);
  if (!day.ok()) return std::nullopt;
  return when_shown(std::chrono::sys_days(day) + hours(local.hour) + minutes(local.minute), read_at);
}

std::optional<WallTime> nearest_year(const LocalMinute& local, WallTime read_at) {
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(read_at));
  const auto latest = read_at + hours(24);
  const int this_year = static_cast<int>(today.year());
  for (int year = this_year + 1; year >= this_year - most_years_back; --year) {
    if (const auto time = in_year(local, year, read_at); time && *time <= latest) return time;
  }
  return std::nullopt;
}

// `2026-11-20`
std::optional<WallTime> parse_day(const char* at) {
  const auto century = two_digits(at);
  const auto year = two_digits(at + 2);
  const auto month = two_digits(at + 5);
  const auto day = two_digits(at + 8);
  if (century < 0 || year < 0 || month < 0 || day < 0 || at[4] != '-' || at[7] != '-') return std::nullopt;
  const auto date = std::chrono::year(century * 100 + year) / std::chrono::month(static_cast<unsigned>(month)) /
                    std::chrono::day(static_cast<unsigned>(day));
  // What nanoseconds since 1970 can say.
  if (!date.ok() || century < 19 || century > 21) return std::nullopt;
  return WallTime(std::chrono::sys_days(date));
}

// `.002419`; what is finer than a nanosecond is left out.
std::optional<nanoseconds> take_fraction(Cursor& cursor) {
  if (!cursor.take(".") && !cursor.take(",")) return nanoseconds{};
  const auto digits = cursor.take_while(is_digit);
  if (digits.empty()) return std::nullopt;
  nanoseconds fraction{};
  auto unit = nanoseconds(seconds(1));
  for (const char digit : digits) fraction += (unit /= 10) * (digit - '0');
  return fraction;
}

// `Z`, `+01:00` or, as `journalctl -o short-iso` has it, `+0100`: how far the clock was ahead.
std::optional<minutes> take_zone(Cursor& cursor) {
  if (cursor.take("Z")) return minutes{};
  const auto text = cursor.rest();
  const std::size_t size = text.size() > 3 && text[3] == ':' ? 6 : 5;
  if (text.size() < size || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto ahead_hours = two_digits(text.data() + 1);
  const auto ahead_minutes = two_digits(text.data() + size - 2);
  if (ahead_hours < 0 || ahead_hours > 23 || ahead_minutes < 0 || ahead_minutes > 59) return std::nullopt;
  cursor = Cursor(text.substr(size));
  const auto ahead = hours(ahead_hours) + minutes(ahead_minutes);
  return text[0] == '+' ? ahead : -ahead;
}

std::uint32_t pid_of(std::string_view text) {
  Cursor cursor(text);
  const auto pid = cursor.take_number();
  return pid && cursor.at_end() ? *pid : 0;
}

// `program[pid]:` or `program:`, as a word without the blank behind it.
bool is_tag(std::string_view word) {
  return word.size() > 1 && word.back() == ':';
}

void put_tag(LogLine& line, std::string_view tag) {
  tag.remove_suffix(1);
  const auto bracket = tag.ends_with(']') ? find_last(tag, '[') : std::string_view::npos;
  line.program = tag.substr(0, bracket);
  if (bracket != std::string_view::npos) line.pid = pid_of(tag.substr(bracket + 1, tag.size() - bracket - 2));
}

// `[id name="value" ...]` once or more, or `-`. A quote, a backslash and a bracket in a value have a backslash.
bool take_structured_data(Cursor& cursor) {
  if (cursor.take("-")) return true;
  if (!cursor.rest().starts_with('[')) return false;
  const auto text = cursor.rest();
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[at] == ']' && !text.substr(at + 1).starts_with('[')) {
      cursor = Cursor(text.substr(at + 1));
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<WallTime> LineParser::take_traditional_time(std::string_view& rest, WallTime read_at) {
  constexpr std::size_t size = 16;  // `Nov 20 23:30:13 '
  if (rest.size() < size || rest[size - 1] != ' ') return std::nullopt;
  const auto clock = parse_clock(rest.data() + 7);
  if (!clock) return std::nullopt;
  const bool same = std::memcmp(minute_.data(), rest.data(), minute_.size()) == 0;
  if (!same || std::chrono::abs(read_at - minute_read_at_) > hours(1)) {
    std::memcpy(minute_.data(), rest.data(), minute_.size());
    minute_read_at_ = read_at;
    const auto local = parse_minute(rest.substr(0, minute_.size()));
    minute_began_ = local ? nearest_year(*local, read_at) : std::nullopt;
  }
  if (!minute_began_) return std::nullopt;
  rest.remove_prefix(size);
  return *minute_began_ + *clock % minutes(1);
}

std::optional<WallTime> LineParser::take_iso_time(std::string_view& rest) {
  constexpr std::size_t size = 19;  // `2026-11-20T23:38:39'
  if (rest.size() <= size || (rest[10] != 'T' && rest[10] != ' ')) return std::nullopt;
  const auto clock = parse_clock(rest.data() + 11);
  if (!clock) return std::nullopt;
  if (std::memcmp(day_.data(), rest.data(), day_.size()) != 0) {
    std::memcpy(day_.data(), rest.data(), day_.size());
    day_began_ = parse_day(rest.data());
  }
  Cursor cursor(rest.substr(size));
  const auto fraction = take_fraction(cursor);
  if (!day_began_ || !fraction) return std::nullopt;
  const auto ahead = take_zone(cursor);
  if (!ahead || !cursor.take(" ")) return std::nullopt;
  rest = cursor.rest();
  return *day_began_ + *clock + *fraction - *ahead;
}

std::optional<WallTime> LineParser::take_time(std::string_view& rest, WallTime read_at) {
  if (rest.empty()) return std::nullopt;
  return is_digit(rest.front()) ? take_iso_time(rest) : take_traditional_time(rest, read_at);
}

std::optional<LogLine> LineParser::parse_of_time(std::string_view rest, WallTime read_at) {
  const auto time = take_time(rest, read_at);
  if (!time) return std::nullopt;
  LogLine line{.time = *time, .program = {}, .text = {}};
  Cursor cursor(rest);
  auto word = cursor.take_word();
  if (word && !is_tag(*word)) word = cursor.take_word();  // behind the host's name
  if (!word || !is_tag(*word)) return std::nullopt;
  put_tag(line, *word);
  if (line.program.empty()) return std::nullopt;
  line.text = cursor.rest();
  return line;
}

std::optional<LogLine> LineParser::parse(std::string_view line, WallTime read_at) {
  return parse_of_time(line, read_at);
}

std::optional<LogLine> LineParser::parse_rfc5424(std::string_view rest) {
  const auto time = take_iso_time(rest);
  if (!time) return std::nullopt;
  Cursor cursor(rest);
  const auto host = cursor.take_word();
  const auto program = cursor.take_word();
  const auto pid = cursor.take_word();
  const auto message_id = cursor.take_word();
  if (!host || !program || *program == "-" || !pid || !message_id) return std::nullopt;
  if (!take_structured_data(cursor)) return std::nullopt;
  if (!cursor.at_end() && !cursor.take(" ")) return std::nullopt;
  cursor.take(byte_order_mark);
  return LogLine{.time = *time, .program = *program, .pid = pid_of(*pid), .text = cursor.rest()};
}

std::optional<LogLine> LineParser::parse_datagram(std::string_view datagram, WallTime read_at) {
  while (!datagram.empty() && (datagram.back() == '\n' || datagram.back() == '\0')) datagram.remove_suffix(1);
  Cursor cursor(datagram);
  if (!cursor.take("<") || !cursor.take_number() || !cursor.take(">")) return std::nullopt;
  if (cursor.take("1 ")) return parse_rfc5424(cursor.rest());
  return parse_of_time(cursor.rest(), read_at);
}

}  // namespace mxwarden::maillog
