#include <ostream>

#include "conf/command_line.hpp"

namespace mxwarden::conf {

Configuration load_configuration(const ConfigurationSource& source, Report& report) {
  Configuration configuration;
  configuration.settings = load_settings(source.file, source.optional, source.overrides, report);
  const auto& path = configuration.settings.client.access;
  auto table = path.empty() ? AccessTable() : AccessTable::load(path, report);
  configuration.access = std::make_shared<const AccessTable>(std::move(table));
  return configuration;
}

void print_report(const Report& report, std::ostream& to) {
  for (const auto& warning : report.warnings) {
    to << Fault{warning.where, "warning: " + warning.what}.to_string() << '\n';
  }
  for (const auto& fault : report.faults) to << fault.to_string() << '\n';
}

}  // namespace mxwarden::conf
