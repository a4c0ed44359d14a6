#include <doctest/doctest.h>

#include <sstream>

#include "conf/access_table.hpp"
#include "conf/example_access.hpp"
#include "conf/file.hpp"
#include "conf/settings.hpp"

namespace mxwarden::conf {
namespace {

std::string source_file(const std::string& name) {
  const auto content = read_file(std::string(MXWARDEN_SOURCE_DIR) + "/conf/" + name);
  REQUIRE(content.has_value());
  return content->value_or("");
}

// What an administrator has who takes the # away in front of every setting, and leaves the prose.
std::string uncommented(const std::string& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    const bool setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    result += (setting ? line.substr(1) : line) + "\n";
  }
  return result;
}

}  // namespace

TEST_CASE("conf/mxwarden.conf is what the table of settings says") {
  const bool same = source_file("mxwarden.conf") == example_settings();
  CHECK_MESSAGE(same, "run: mxwardend --print-example conf > conf/mxwarden.conf");
}

TEST_CASE("conf/access is what the program says") {
  const bool same = source_file("access") == example_access();
  CHECK_MESSAGE(same, "run: mxwardend --print-example access > conf/access");
}

TEST_CASE("the example settings change nothing, as they stand and with every setting uncommented") {
  Report report;
  const auto defaults = print_settings(parse_settings("", "", {}, report));
  CHECK(print_settings(parse_settings(example_settings(), "mxwarden.conf", {}, report)) == defaults);
  const auto all = print_settings(parse_settings(uncommented(example_settings()), "mxwarden.conf", {}, report));
  for (const auto& fault : report.faults) FAIL_CHECK(fault.to_string());
  CHECK(report.warnings.empty());
  CHECK(all.starts_with(defaults));
  CHECK(all.find("\n[limit logged_in_volume]\n", defaults.size()) == defaults.size());
}

TEST_CASE("the example access table is empty as it stands, and fine when uncommented") {
  Report report;
  CHECK(AccessTable::parse(example_access(), "access", report).size() == 0);
  CHECK(AccessTable::parse(uncommented(example_access()), "access", report).size() == 17);
  for (const auto& fault : report.faults) FAIL_CHECK(fault.to_string());
  CHECK(report.warnings.empty());
}

}  // namespace mxwarden::conf
