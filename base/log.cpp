#include "base/log.hpp"

#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <atomic>
#include <memory>
#include <string>

namespace mxwarden::log {
namespace {

constexpr std::size_t longest_queue = 8192;
constexpr std::string_view file_scheme = "file:";

std::shared_ptr<spdlog::logger> logger;
std::shared_ptr<spdlog::details::thread_pool> writer;
std::atomic<Level> lowest = Level::info;
std::atomic<std::size_t> reported_lost = 0;  // of the lines that the present writer has lost

struct Place {
  std::string name;
  std::string target;
  bool operator==(const Place&) const = default;
};
Place place;  // where the logger writes to

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  std::abort();
}

spdlog::sink_ptr make_sink(std::string_view name, std::string_view target) {
  // The level is spelt out, as a mail log has no column for it.
  constexpr auto with_time = "%Y-%m-%dT%H:%M:%S.%e%z %n[%P]: %l: %v";
  spdlog::sink_ptr sink;
  if (target == "syslog") {
    sink = std::make_shared<spdlog::sinks::syslog_sink_mt>(std::string(name), LOG_PID, LOG_MAIL, true);
    sink->set_pattern("%l: %v");
  } else if (target.starts_with(file_scheme)) {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(std::string(target.substr(file_scheme.size())));
    sink->set_pattern(with_time);
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    // Under systemd the journal stamps each line itself.
    sink->set_pattern(std::getenv("JOURNAL_STREAM") == nullptr ? with_time : "%l: %v");
  }
  return sink;
}

void report_lost_lines() {
  if (!writer) return;
  const std::size_t lost = writer->overrun_counter();
  auto before = reported_lost.load();
  if (lost <= before || !reported_lost.compare_exchange_strong(before, lost)) return;
  logger->warn("log: {} lines were lost, the target did not keep up", lost - before);
}

}  // namespace

Result<void> start(std::string_view name, std::string_view target, Level level) {
  Place wanted{std::string(name), std::string(target)};
  // Only a file can have become another one under the same name. Ending the writer waits for its sink, which may be
  // stuck.
  if (logger && wanted == place && !target.starts_with(file_scheme)) {
    lowest = level;
    return {};
  }
  try {
    auto sink = make_sink(name, target);
    stop();
    reported_lost = 0;
    place = std::move(wanted);
    writer = std::make_shared<spdlog::details::thread_pool>(longest_queue, 1);
    logger = std::make_shared<spdlog::async_logger>(std::string(name), std::move(sink), writer,
                                                    spdlog::async_overflow_policy::overrun_oldest);
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::warn);
    lowest = level;
    return {};
  } catch (const spdlog::spdlog_ex& fault) {
    return Error{fmt::format("log target `{}': {}", target, fault.what())};
  }
}

void stop() {
  if (!logger) return;
  report_lost_lines();
  logger->flush();
  logger.reset();
  writer.reset();  // joins the thread once its queue is empty
}

bool enabled(Level level) {
  return level >= lowest;
}

void write(Level level, std::string_view line) {
  if (!enabled(level)) return;
  if (!logger) {
    fmt::print(stderr, "{}\n", line);
    return;
  }
  report_lost_lines();
  logger->log(to_spdlog(level), line);
}

void RepeatedWarning::warn(std::string_view line, Instant now) {
  constexpr auto quiet = std::chrono::minutes(1);
  if (now < silent_until_) {
    ++suppressed_;
    return;
  }
  if (suppressed_ > 0) {
    log::warn(fmt::format("{} ({} more like this were not logged)", line, suppressed_));
  } else {
    log::warn(line);
  }
  suppressed_ = 0;
  silent_until_ = now + quiet;
}

}  // namespace mxwarden::log
