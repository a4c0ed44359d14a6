#pragma once
// A line of a log taken apart as far as syslog goes: when, by which program, what it said. Three forms (RFC 3164's with
// Postfix's zero-padded day and syslog's blank-padded one; ISO 8601, as rsyslog and journalctl have it), and the
// datagrams of a syslog socket (RFC 3164 without a host name, as syslog(3) sends them; RFC 5424).
//
// A traditional time has no year and no zone: it is this host's local time, of the year that brings it nearest to when
// the line is read, a day in the future at most. Of the two that an hour has which is there twice, it is the one that
// is nearer to then.
//
// The host's name may be missing, as in what Dovecot writes to its own log_path.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace mxwarden::maillog {

struct LogLine {
  WallTime time{};
  std::string_view program;  // `postfix/smtpd`, `postfix/submission/smtpd`, `dovecot`
  std::uint32_t pid = 0;     // 0: none is given
  std::string_view text;     // behind `program[pid]: `; without a line end
};

// Not for several threads: it remembers the minute and the day of the last line, as most lines are of the same.
class LineParser {
 public:
  // Of a file, a FIFO or standard input. `line` has no line end, and must outlive what is returned. Nothing: it is no
  // line of a log. `read_at` is when it is read, roughly.
  std::optional<LogLine> parse(std::string_view line, WallTime read_at);
  // Of a syslog socket.
  std::optional<LogLine> parse_datagram(std::string_view datagram, WallTime read_at);

 private:
  // Takes the time off the front of `rest`, with the blank behind it.
  std::optional<WallTime> take_time(std::string_view& rest, WallTime read_at);
  std::optional<WallTime> take_traditional_time(std::string_view& rest, WallTime read_at);
  std::optional<WallTime> take_iso_time(std::string_view& rest);
  std::optional<LogLine> parse_of_time(std::string_view rest, WallTime read_at);
  std::optional<LogLine> parse_rfc5424(std::string_view rest);

  // The traditional minute last seen, `Nov 20 23:30`, and when it began; and when that was worked out, as the year goes
  // by that.
  std::array<char, 12> minute_{};
  std::optional<WallTime> minute_began_;
  WallTime minute_read_at_{};
  // The same of the ISO form: `2026-11-20`.
  std::array<char, 10> day_{};
  std::optional<WallTime> day_began_;
};

}  // namespace mxwarden::maillog
