// The names of settings that later releases will bring, in one list and without meaning. A file that has them is
// accepted by this release with a warning for each.

#include <algorithm>
#include <array>

#include "conf/settings_table.hpp"
#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

struct Reserved {
  std::string_view section;
  std::string_view names;
};

constexpr std::array reserved{
    Reserved{"bad_recipient_throttle", "action"}, Reserved{"relay_grant", "action"},
    Reserved{"repeat_offender", "action"},        Reserved{"trap", "recipients mode action"},
    Reserved{"helo", "forged mode action"},       Reserved{"alert", "mail_to mail_from webhook quiet"},
};

}  // namespace

std::vector<std::string_view> reserved_names(std::string_view section) {
  const auto* found = std::ranges::find(reserved, section, &Reserved::section);
  return found == reserved.end() ? std::vector<std::string_view>() : words(found->names);
}

bool is_reserved(std::string_view section, std::string_view name) {
  const auto names = reserved_names(section);
  return std::ranges::find(names, name) != names.end();
}

const std::vector<std::string_view>& section_names() {
  static const auto names = [] {
    std::vector<std::string_view> all;
    for (const auto& section : sections()) {
      if (section.name != any_limit) all.push_back(section.name);
    }
    for (const auto& row : reserved) {
      if (std::ranges::find(all, row.section) == all.end()) all.push_back(row.section);
    }
    return all;
  }();
  return names;
}

}  // namespace mxwarden::conf
