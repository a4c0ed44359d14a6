#include "conf/line_reader.hpp"

#include <fmt/format.h>

#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

class LineReader {
 public:
  LineReader(const std::string& file, Report& report) : where_{file, 0}, report_(report) {}

  void read(std::string_view line) {
    ++where_.line;
    if (!is_clean(line)) return fault("the line has a control character or is not valid UTF-8");
    const auto content = trim(without_comment(line));
    if (content.empty()) return;
    if (content.starts_with('[')) return read_section(content);
    read_setting(content);
  }

  Lines take() { return std::move(lines_); }

 private:
  void read_section(std::string_view content) {
    // What follows a broken header is read as belonging to no section, and passed over: one fault is enough.
    section_.clear();
    in_section_ = true;
    const auto close = content.find(']');
    if (close == std::string_view::npos) return fault(fmt::format("`{}': the `]' of a section is missing", content));
    if (close + 1 != content.size()) {
      return fault(fmt::format("`{}' is not allowed after a section's `]'", trim(content.substr(close + 1))));
    }
    std::string section;
    for (const auto word : words(content.substr(1, close - 1))) section.append(section.empty() ? "" : " ").append(word);
    if (section.empty()) return fault("`[]': the name of a section is missing");
    section_ = section;
    lines_.sections.push_back({section_, where_});
  }

  void read_setting(std::string_view content) {
    const auto equals = content.find('=');
    const auto name = trim(content.substr(0, equals));
    if (equals == std::string_view::npos || name.empty()) {
      return fault(fmt::format("`{}' is neither `[section]' nor `name = value'", content));
    }
    if (!in_section_) {
      in_section_ = true;
      return fault(fmt::format("`{}' stands before the first [section]", name));
    }
    if (section_.empty()) return;
    lines_.settings.push_back({section_, std::string(name), std::string(trim(content.substr(equals + 1))), where_});
  }

  void fault(std::string what) { report_.faults.push_back({where_, std::move(what)}); }

  Origin where_;
  Report& report_;
  std::string section_;
  bool in_section_ = false;
  Lines lines_;
};

}  // namespace

Lines read_lines(std::string_view text, const std::string& file, Report& report) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  LineReader reader(file, report);
  while (!text.empty()) reader.read(take_line(text));
  return reader.take();
}

}  // namespace mxwarden::conf
