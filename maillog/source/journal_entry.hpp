#pragma once
// An entry of systemd's journal, as `journalctl -o json` writes it: one JSON object a line (systemd.journal-fields(7)).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "maillog/recognise/log_line.hpp"

namespace mxwarden::maillog {

struct JournalEntry {
  std::string cursor;
  WallTime time{};
  std::string program;  // its syslog tag; empty: it has none
  std::uint32_t pid = 0;
  std::string text;

  // Of this entry, which must outlive it.
  LogLine line() const { return {.time = time, .program = program, .pid = pid, .text = text}; }
};

// Nothing: it is no entry. A message that is no UTF-8 stands there as a list of bytes.
std::optional<JournalEntry> parse_journal_entry(std::string_view line);

}  // namespace mxwarden::maillog
