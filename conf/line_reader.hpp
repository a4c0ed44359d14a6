#pragma once
// The lines of an INI file: sections, settings and comments, and nothing about what they mean.
//
//   [section]              # a comment begins a line or follows a blank,
//   name = value#1         # so that a value may hold a `#`
//
// A setting belongs to the section before it; a section may stand several times.

#include <string>
#include <string_view>
#include <vector>

#include "conf/fault.hpp"

namespace mxwarden::conf {

struct SectionLine {
  std::string section;
  Origin where;
};

struct SettingLine {
  std::string section;
  std::string name;
  std::string value;
  Origin where;
};

struct Lines {
  std::vector<SectionLine> sections;
  std::vector<SettingLine> settings;
};

// Every line that is neither is a fault, and so is one that is not clean UTF-8 text.
Lines read_lines(std::string_view text, const std::string& file, Report& report);

}  // namespace mxwarden::conf
