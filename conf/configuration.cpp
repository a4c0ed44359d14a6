#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "conf/command_line.hpp"

namespace mxwarden::conf {
namespace {

void warn_of_spare_rates(const Configuration& configuration, Report& report) {
  const auto& settings = configuration.settings;
  const auto windows = settings.client_rate.windows.size();
  for (const auto& entry : configuration.access->entries()) {
    if (entry.tag != AccessTag::client_rate || entry.numbers.size() <= windows) continue;
    report.warnings.push_back(
        {{settings.client.access, entry.line},
         fmt::format("ClientRate has {} numbers and [client_rate] {} window{}; the others have no "
                     "effect",
                     entry.numbers.size(), windows, windows == 1 ? "" : "s")});
  }
}

bool was_read(const std::string& file, const Report& report) {
  return std::ranges::find(report.files, file) != report.files.end();
}

}  // namespace

Configuration load_configuration(const ConfigurationSource& source, Report& report) {
  Configuration configuration;
  configuration.settings = load_settings(source.file, source.optional, source.overrides, report);
  const auto& path = configuration.settings.client.access;
  auto table = path.empty() ? AccessTable() : AccessTable::load(path, report, source.access_optional);
  configuration.access = std::make_shared<const AccessTable>(std::move(table));
  if (report.faults.empty()) warn_of_spare_rates(configuration, report);
  return configuration;
}

void require_files(ConfigurationSource& source, const Configuration& configuration, const Report& report) {
  if (was_read(source.file, report)) source.optional = false;
  if (was_read(configuration.settings.client.access, report)) source.access_optional = false;
}

void print_report(const Report& report, std::ostream& to) {
  for (const auto& warning : report.warnings) {
    to << Fault{warning.where, "warning: " + warning.what}.to_string() << '\n';
  }
  for (const auto& fault : report.faults) to << fault.to_string() << '\n';
}

}  // namespace mxwarden::conf
