#pragma once
// --stats: how many lines of a log are what, and some of those that nobody knows.
//
// Bounded whatever the log holds: of programs that are not looked at the most frequent ones are counted
// (policy/space_saving.hpp: of up to most_programs exactly), and the sample is (maillog/once/line_sample.hpp).

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "maillog/once/line_report.hpp"
#include "maillog/once/line_sample.hpp"
#include "policy/space_saving.hpp"

namespace mxwarden::maillog {

class LineCounts final : public LineReport {
 public:
  static constexpr std::size_t most_programs = 1000;
  static constexpr std::size_t shown_programs = 50;
  static constexpr std::size_t shown_unknown = 20;

  struct Form {
    bool json = false;  // one object
    bool colours = false;
  };

  explicit LineCounts(Form form) : form_(form), programs_(most_programs) {}

  void add(std::uint64_t number, const LogLine& line, const Recognised& recognised, std::string& out) override;
  void add_no_log_line() override { ++no_log_lines_; }
  void finish(const Totals& totals, std::string& out, std::string& remark) override;

 private:
  struct Counted {
    std::string name;
    std::uint64_t lines = 0;
  };

  void count_recogniser(std::string_view name);
  void count_program(std::string_view name);
  std::vector<Counted> recognisers() const;
  std::vector<Counted> events() const;
  std::vector<Counted> programs() const;
  std::string to_json(const Totals& totals) const;
  std::string to_text(const Totals& totals) const;

  Form form_;
  std::uint64_t no_log_lines_ = 0;
  std::array<std::uint64_t, 5> what_{};
  std::array<std::uint64_t, policy::event_names.size()> events_{};
  std::vector<std::pair<std::string_view, std::uint64_t>> recognisers_;  // in the order in which they first came
  policy::SpaceSaving<std::string> programs_;                            // that are not looked at
  LineSample unknown_;
};

}  // namespace mxwarden::maillog
