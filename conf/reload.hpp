#pragma once
// What a daemon that reads mxwarden.conf for itself does at SIGHUP, up to the settings that come into force.

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "conf/command_line.hpp"
#include "conf/settings.hpp"

namespace mxwarden::conf {

// Sets back in `wanted` what takes a restart, and names it: section.key.
using KeepWhatNeedsRestart = std::function<std::vector<std::string_view>(Settings& wanted)>;

// Nothing: there are faults, and what is in force is to stay. All that is wrong, or takes a restart, was logged.
std::optional<Configuration> reload_configuration(ConfigurationSource& source, const KeepWhatNeedsRestart& keep);

// For such a function: the setting stays as it is.
template <class Value>
void keep_setting(std::string_view name, const Value& now, Value& wanted, std::vector<std::string_view>& names) {
  if (now != wanted) names.push_back(name);
  wanted = now;
}

}  // namespace mxwarden::conf
