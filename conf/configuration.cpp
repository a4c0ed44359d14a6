#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/duration.hpp"
#include "conf/access_line.hpp"
#include "conf/command_line.hpp"
#include "conf/file.hpp"
#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

void warn_of_spare_rates(const Configuration& configuration, AccessTag tag, const Limit& limit, Report& report) {
  const auto windows = limit.windows.size();
  for (const auto& entry : configuration.access->entries()) {
    if (entry.tag != tag || entry.numbers.size() <= windows) continue;
    report.warnings.push_back(
        {{configuration.settings.client.access, entry.line},
         fmt::format("{} has {} numbers and [{}] {} window{}; the others have no effect", to_string(tag),
                     entry.numbers.size(), limit.name, windows, windows == 1 ? "" : "s")});
  }
}

void warn_of_long_pauses(const Configuration& configuration, Report& report) {
  const auto& settings = configuration.settings;
  const auto longest = longest_pause(settings);
  for (const auto& entry : configuration.access->entries()) {
    if (entry.tag != AccessTag::greet_pause || std::chrono::milliseconds(entry.numbers.front()) <= longest) continue;
    report.warnings.push_back({{settings.client.access, entry.line},
                               fmt::format("GreetPause of {} ms is more than [server] answer_within leaves for it; {} "
                                           "is waited for",
                                           entry.numbers.front(), mxwarden::to_string(longest))});
  }
}

// Its first line.
void read_password(Settings::Redis& redis, const std::string& file, Report& report) {
  if (redis.password_file.empty()) {
    if (!redis.user.empty()) report.faults.push_back({{file, 0}, "[redis] has a user and no password_file"});
    return;
  }
  const auto content = read_file(redis.password_file);
  if (!content) {
    report.faults.push_back({{redis.password_file, 0}, content.error().message});
  } else if (!*content) {
    report.faults.push_back({{redis.password_file, 0}, "there is no such file; [redis] password_file names it"});
  } else if (const auto line = trim(std::string_view(**content).substr(0, (*content)->find('\n'))); line.empty()) {
    report.faults.push_back({{redis.password_file, 1}, "the first line is empty; write the password there"});
  } else {
    redis.password = line;
  }
}

void read_pem(Settings::PemFile& file, std::string_view setting, Report& report) {
  if (file.path.empty()) return;
  const auto content = read_file(file.path);
  if (!content) {
    report.faults.push_back({{file.path, 0}, content.error().message});
  } else if (!*content) {
    report.faults.push_back({{file.path, 0}, fmt::format("there is no such file; [redis] {} names it", setting)});
  } else {
    file.content = **content;
  }
}

void read_tls(Settings::Redis::Tls& tls, Report& report) {
  if (!tls.on) return;
  read_pem(tls.authorities, "tls_ca_file", report);
  read_pem(tls.certificate, "tls_cert_file", report);
  read_pem(tls.key, "tls_key_file", report);
}

void warn_of_deadlines(const Settings& settings, const std::string& file, Report& report) {
  // A request that waited for others which ask the same may be asked a third time.
  if (3 * settings.redis.deadline <= settings.server.answer_within) return;
  report.warnings.push_back(
      {{file, 0},
       fmt::format("[redis] deadline = {} leaves too little time within answer_within = {}; make it a fifth of that",
                   mxwarden::to_string(settings.redis.deadline), mxwarden::to_string(settings.server.answer_within))});
}

bool was_read(const std::string& file, const Report& report) {
  return std::ranges::find(report.files, file) != report.files.end();
}

}  // namespace

Configuration load_configuration(const ConfigurationSource& source, Report& report) {
  Configuration configuration;
  configuration.settings = load_settings(source.file, source.optional, source.overrides, report);
  if (source.uses_store && configuration.settings.store.backend == Backend::redis) {
    read_password(configuration.settings.redis, source.file, report);
    read_tls(configuration.settings.redis.tls, report);
    warn_of_deadlines(configuration.settings, source.file, report);
  }
  const auto& path = configuration.settings.client.access;
  auto table = path.empty() ? AccessTable() : AccessTable::load(path, report, source.access_optional);
  configuration.access = std::make_shared<const AccessTable>(std::move(table));
  auto& senders = configuration.settings.login_senders;
  const bool counts_senders = configuration.settings.login_sender.mode != Mode::off;
  if (source.uses_store && counts_senders && !senders.map.empty()) {
    senders.listed = std::make_shared<const SenderMap>(SenderMap::load(senders.map, report));
  }
  if (report.faults.empty()) {
    warn_of_spare_rates(configuration, AccessTag::client_rate, configuration.settings.client_rate, report);
    warn_of_spare_rates(configuration, AccessTag::login_rate, configuration.settings.login_rate, report);
  }
  if (report.faults.empty()) warn_of_long_pauses(configuration, report);
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
