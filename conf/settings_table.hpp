#pragma once
// The one table of settings: what each is called, how it is read and written, its default and its help. The reader,
// --print-config and the example file all come from it.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "conf/limit_draft.hpp"
#include "conf/settings.hpp"

namespace mxwarden::conf {

// Where a value is read to. `limit` is the one the section is about, if it is about one.
struct Place {
  Settings& settings;
  LimitDraft* limit = nullptr;
};

struct Source {
  const Settings& settings;
  const Limit* limit = nullptr;
};

enum class Presence : std::uint8_t {
  has_default,
  may_be_absent,  // [limit NAME] only: what is absent follows from the rest
  required,       // [limit NAME] only
};

enum class Takes : std::uint8_t { a_reload, a_restart };

struct Setting {
  std::string_view section;  // any_limit stands for each [limit NAME]
  std::string_view name;
  Presence presence = Presence::has_default;
  std::string_view value;  // the default as it would be written; what the example shows if there is none
  Takes takes = Takes::a_reload;
  std::string_view since;
  std::string_view help;
  Result<void> (*read)(const Place&, std::string_view);
  // As it would be written; several for a repeatable setting.
  std::vector<std::string> (*print)(const Source&);
  // Repeatable: forgets what was read before. Null: it may stand once.
  void (*clear)(const Place&) = nullptr;
};

inline constexpr std::string_view any_limit = "limit NAME";
inline constexpr std::string_view limit_prefix = "limit ";

struct Section {
  std::string_view name;
  std::string_view help;
};

// A section that is a limit with most of it given.
struct LimitSection {
  std::string_view name;
  LimitDraft (*draft)();
  Limit Settings::*limit;
};

std::span<const LimitSection> limit_sections();

// In the order of the example file.
std::span<const Section> sections();
std::span<const Setting> settings_table();

// `section` as it stands in the file. Null: there is no such setting.
const Setting* find_setting(std::string_view section, std::string_view name);
std::vector<std::string_view> setting_names(std::string_view section);

// Names that belong to later releases: accepted with a warning, so that one file serves a cluster while it is upgraded.
bool is_reserved(std::string_view section, std::string_view name);
std::vector<std::string_view> reserved_names(std::string_view section);
// Every section's name but [limit NAME]'s, reserved ones too.
const std::vector<std::string_view>& section_names();

}  // namespace mxwarden::conf
