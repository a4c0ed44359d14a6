#include "conf/reload.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/log.hpp"

namespace mxwarden::conf {

std::optional<Configuration> reload_configuration(ConfigurationSource& source, const KeepWhatNeedsRestart& keep) {
  Report report;
  auto wanted = load_configuration(source, report);
  for (const auto& warning : report.warnings) log::warn(warning.to_string());
  for (const auto& fault : report.faults) log::error(fault.to_string());
  if (!report.faults.empty()) {
    log::error("not reloaded: the old settings stay in force");
    return std::nullopt;
  }
  require_files(source, wanted, report);
  const auto restart = keep(wanted.settings);
  if (!restart.empty()) {
    log::warn(fmt::format("reload: these changes take a restart: {}", fmt::join(restart, ", ")));
  }
  return wanted;
}

}  // namespace mxwarden::conf
