// The effective settings as a file, and the example file; both are the table of settings, written out.

#include <fmt/format.h>

#include "conf/settings.hpp"
#include "conf/settings_table.hpp"
#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

constexpr std::size_t line_width = 100;

void append_prose(std::string& text, std::string_view prose) {
  text += '#';
  std::size_t width = 1;
  for (const auto word : words(prose)) {
    if (width + 1 + word.size() > line_width) {
      text += "\n#";
      width = 1;
    }
    text.append(" ").append(word);
    width += 1 + word.size();
  }
  text += '\n';
}

void append_settings(std::string& text, std::string_view section, const Source& source) {
  for (const auto& setting : settings_table()) {
    if (setting.section != section) continue;
    for (const auto& value : setting.print(source)) {
      if (value.empty() && setting.presence == Presence::may_be_absent) continue;
      text += fmt::format("{} ={}{}\n", setting.name, value.empty() ? "" : " ", value);
    }
  }
}

std::string help_of(const Setting& setting) {
  std::string help(setting.help);
  if (setting.presence == Presence::required) help += " Required.";
  if (setting.takes == Takes::a_restart) help += " A change takes a restart.";
  return help;
}

const Limit* limit_of(const Settings& settings, std::string_view section) {
  for (const auto& limit : limit_sections()) {
    if (limit.name == section) return &(settings.*limit.limit);
  }
  return nullptr;
}

}  // namespace

std::string print_settings(const Settings& settings) {
  std::string text;
  for (const auto& section : sections()) {
    if (section.name == any_limit) continue;
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section.name);
    append_settings(text, section.name, {settings, limit_of(settings, section.name)});
  }
  for (const auto& limit : settings.limits) {
    text += fmt::format("\n[{}{}]\n", limit_prefix, limit.name);
    append_settings(text, any_limit, {settings, &limit});
  }
  return text;
}

std::string example_settings() {
  std::string text;
  append_prose(
      text,
      "mxwarden.conf: the settings of mxwarden. Each stands here with its default; take the # away in front of one "
      "to change it. What may be written is also what `mxwardend --check-config' says if it is not; `mxwardend "
      "--print-config' prints what is in force.");
  text += "#\n";
  append_prose(text,
               "A comment begins with # at the beginning of a line or after a blank. Durations: 700ms 60s 10m 1h 7d. A "
               "change takes effect at a reload (systemctl reload mxwardend) if nothing else is said.");
  for (const auto& section : sections()) {
    const bool commented = section.name == any_limit;
    text += "\n";
    append_prose(text, section.help);
    text += fmt::format("{}[{}]\n", commented ? "#" : "", commented ? "limit logged_in_volume" : section.name);
    for (const auto& setting : settings_table()) {
      if (setting.section != section.name) continue;
      text += "\n";
      append_prose(text, help_of(setting));
      text += fmt::format("#{} = {}\n", setting.name, setting.value);
    }
  }
  return text;
}

}  // namespace mxwarden::conf
