#pragma once
// A line of a log taken apart as far as syslog goes: when, by which program, what it said. Three forms (RFC 3164's with
// Postfix's zero-padded day and syslog's blank-padded one; rsyslog's ISO 8601), and the datagrams of a syslog socket
// (RFC 3164 without a host name, as syslog(3) sends them; RFC 5424).
//
// A traditional time has no year and no zone: it is this host's local time, of the year that brings it nearest to when
// the line is read, a day in the future at most.

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

// Not for several threads: it remembers the last second, as most lines are of the same.
class LineParser {
 public:
  // Of a file, a FIFO or standard input. `line` has no line end, and must outlive what is returned. Nothing: it is no
  // line of a log. `read_at` is when it is read, roughly.
  std::optional<LogLine> parse(std::string_view line, WallTime read_at);
  // Of a syslog socket.
  std::optional<LogLine> parse_datagram(std::string_view datagram, WallTime read_at);
};

}  // namespace mxwarden::maillog
