#pragma once
// --dry-run: each event of a log, what mxwardend would make of it, and at the end how many there were.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/command_line.hpp"
#include "maillog/once/line_report.hpp"
#include "maillog/once/simulation.hpp"

namespace mxwarden::maillog {

class DryRun final : public LineReport {
 public:
  struct Form {
    bool json = false;  // one object a line: that of policy::to_json(), with `follows`
    bool colours = false;
  };

  DryRun(const conf::Configuration& configuration, Form form);

  void add(std::uint64_t number, const LogLine& line, const Recognised& recognised, std::string& out) override;
  void add_no_log_line() override { ++no_log_lines_; }
  void finish(const Totals& totals, std::string& out, std::string& remark) override;

 private:
  std::string summary(const Totals& totals) const;

  Simulation simulation_;
  Form form_;
  std::string off_;  // what follows from nothing, as it is configured
  std::array<std::uint64_t, policy::event_names.size()> events_{};
  std::uint64_t unknown_ = 0;
  std::uint64_t no_log_lines_ = 0;
};

// The event in its form, with its line end and what follows from it.
std::string event_report(const policy::MailEvent& event, const std::vector<std::string>& follows, DryRun::Form form);

}  // namespace mxwarden::maillog
