#pragma once
// The command line that every daemon has, and how a daemon comes to its configuration.
//
//   --config FILE            else /etc/mxwarden/mxwarden.conf, else built-in defaults
//   --set section.key=value  wins over the file; repeatable
//   --check-config           names every fault, and what others have to say; exits 0 or 78
//   --print-config           the effective settings as a file
//   --version, --help
//
// A program may have further flags, and one operand.

#include <algorithm>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "conf/access_table.hpp"
#include "conf/fault.hpp"
#include "conf/settings.hpp"

namespace mxwarden::conf {

// As in sysexits(3).
inline constexpr int exit_usage = 64;
inline constexpr int exit_software = 70;
inline constexpr int exit_configuration = 78;

// Where the settings come from. Kept by a daemon for its reloads.
struct ConfigurationSource {
  std::string file = "/etc/mxwarden/mxwarden.conf";
  bool optional = true;         // a file that is not there means the built-in defaults
  bool access_optional = true;  // an access table that is not there is an empty one
  bool uses_store = true;       // false: what only mxwardend uses (passwords, keys, the map of senders) is not read
  std::vector<Override> overrides;
};

struct Configuration {
  Settings settings;
  std::shared_ptr<const AccessTable> access;
};

// The settings, and the access table they name. With a fault in the report it is not to be used.
Configuration load_configuration(const ConfigurationSource& source, Report& report);

// To be called once a configuration is in force: the files it was read from must be there at every reload. Else a
// file that is gone for a moment, as while an editor replaces it, would undo everything it says.
void require_files(ConfigurationSource& source, const Configuration& configuration, const Report& report);

// `FILE:LINE: what` for each fault, and `FILE:LINE: warning: what` for each warning.
void print_report(const Report& report, std::ostream& to);

// `--name`, without a value.
struct Flag {
  std::string_view name;
  std::string_view help;
};

struct Program {
  std::string_view name;
  std::string_view purpose;       // for --help
  std::string_view operand = {};  // how --help writes it, such as `[FILE | -]'; empty: it takes none
  std::span<const Flag> flags = {};
  bool uses_store = true;  // see ConfigurationSource
  // Adds the faults that only the program can see. Null: there are none.
  void (*check)(const Settings& settings, Report& report) = nullptr;
  // For --check-config alone: adds warnings of what others know. Null: there is nobody to ask.
  void (*ask_others)(const Settings& settings, Report& report) = nullptr;
};

struct Started {
  ConfigurationSource source;
  Configuration configuration;
  Report report;                       // warnings alone; not printed yet: a daemon may want to log them
  std::vector<std::string> flags;      // those that were given
  std::optional<std::string> operand;  // likewise

  bool has(std::string_view flag) const { return std::ranges::find(flags, flag) != flags.end(); }
};

// Either what the program runs with, or the status it exits with at once: everything was said already, on `out` what
// was asked for and on `err` what was wrong.
std::variant<Started, int> start(const Program& program, int argc, const char* const* argv, std::ostream& out,
                                 std::ostream& err);

// The log goes where the settings say, first the warnings of the report. False: it cannot, which was said.
bool start_log(const Program& program, const Settings& settings, const Report& report);

// What main() does: `serve` with what start() gives, unless that ends it. An exception that nobody has caught is
// logged; the status is then 70. The log is written to its end.
int run(const Program& program, int argc, const char* const* argv, int (*serve)(Started));

}  // namespace mxwarden::conf
