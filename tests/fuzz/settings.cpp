// The reader of settings: whatever a file and a --set hold, every fault is within the file, and settings without a
// fault are printed as a file that reads back to the same.
//
// Input: the file; then, each after a zero byte, the key and the value of one --set.

#include "conf/settings.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>

using namespace mxwarden::conf;

namespace {

void require(bool condition, const std::string& what) {
  if (condition) return;
  std::cerr << what << '\n';
  std::abort();
}

std::string_view take_part(std::string_view& input) {
  const auto part = input.substr(0, input.find('\0'));
  input.remove_prefix(std::min(part.size() + 1, input.size()));
  return part;
}

void check_places(const std::vector<Fault>& faults, std::ptrdiff_t lines) {
  for (const auto& fault : faults) {
    const bool in_file = fault.where.file == "file" && fault.where.line >= 1 && fault.where.line <= lines;
    const bool in_override = fault.where.file.starts_with("--set ") && fault.where.line == 0;
    require(in_file || in_override, "a fault that is nowhere: " + fault.to_string());
    require(!fault.what.empty(), "a fault without a word");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto text = take_part(input);
  std::vector<Override> overrides;
  if (!input.empty()) {
    const auto key = take_part(input);
    overrides.emplace_back(key, input);
  }
  Report report;
  const auto settings = parse_settings(text, "file", overrides, report);
  const auto lines = std::ranges::count(text, '\n') + 1;
  check_places(report.faults, lines);
  check_places(report.warnings, lines);
  if (!report.faults.empty()) return 0;

  const auto printed = print_settings(settings);
  Report again;
  const auto same = print_settings(parse_settings(printed, "printed", {}, again));
  for (const auto& fault : again.faults)
    require(false, "what was printed has a fault: " + fault.to_string() + "\n" + printed);
  require(again.warnings.empty(), "what was printed has a warning:\n" + printed);
  require(same == printed, "what was printed reads back as something else:\n" + printed + "---\n" + same);
  return 0;
}
