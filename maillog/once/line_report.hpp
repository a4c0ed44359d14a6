#pragma once
// What is made of the lines of a log that is read once: --dry-run or --stats.

#include <cstdint>
#include <string>
#include <string_view>

#include "maillog/recognise/recogniser.hpp"

namespace mxwarden::maillog {

class LineReport {
 public:
  // All of a log.
  struct Totals {
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
    std::uint64_t too_long = 0;  // lines that were passed over
  };

  virtual ~LineReport() = default;

  // In the order of the log. `number` is the line's, from 1. What there is to say now is added to `out`.
  virtual void add(std::uint64_t number, const LogLine& line, const Recognised& recognised, std::string& out) = 0;
  virtual void add_no_log_line() = 0;
  // At the end. `remark` goes to the side, where it does not mix with what another program reads.
  virtual void finish(const Totals& totals, std::string& out, std::string& remark) = 0;
};

}  // namespace mxwarden::maillog
