#include "base/log.hpp"

#include <fmt/format.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include "base/log_writer.hpp"

namespace mxwarden::log {
namespace {

constexpr std::size_t longest_queue = 8192;
constexpr std::string_view file_scheme = "file:";

std::unique_ptr<Writer> writer;
std::atomic<Level> lowest = Level::info;

struct Place {
  std::string name;
  std::string target;
  bool operator==(const Place&) const = default;
};
Place place;  // where the writer writes to

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

// stderr, as many whole lines in a write as are not torn apart in a pipe that others write to as well. (spdlog's own
// writes each line by itself.) Without a stderr nothing is written.
class StderrSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    line_.clear();
    formatter_->format(message, line_);
    if (waiting_.size() + line_.size() > PIPE_BUF) flush_();
    waiting_.append(line_.data(), line_.size());
  }

  void flush_() override {
    for (std::string_view rest = waiting_; !rest.empty();) {
      const auto written = ::write(STDERR_FILENO, rest.data(), rest.size());
      if (written < 0 && errno != EINTR) break;
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    waiting_.clear();
  }

  std::string waiting_;
  spdlog::memory_buf_t line_;
};

spdlog::sink_ptr make_sink(std::string_view name, std::string_view target) {
  // The level is spelt out, as a mail log has no column for it.
  constexpr auto with_time = "%Y-%m-%dT%H:%M:%S.%e%z %n[%P]: %l: %v";
  spdlog::sink_ptr sink;
  if (target == "syslog") {
    sink = std::make_shared<spdlog::sinks::syslog_sink_st>(std::string(name), LOG_PID, LOG_MAIL, true);
    sink->set_pattern("%l: %v");
  } else if (target.starts_with(file_scheme)) {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(std::string(target.substr(file_scheme.size())));
    sink->set_pattern(with_time);
  } else {
    sink = std::make_shared<StderrSink>();
    // Under systemd the journal stamps each line itself.
    sink->set_pattern(std::getenv("JOURNAL_STREAM") == nullptr ? with_time : "%l: %v");
  }
  return sink;
}

// What goes wrong with a file or with syslog is told on stderr by spdlog, once a second at most.
class SpdlogTarget final : public Target {
 public:
  SpdlogTarget(std::string_view name, spdlog::sink_ptr sink) : logger_(std::string(name), std::move(sink)) {
    logger_.set_level(spdlog::level::trace);
  }

  void write(const Line& line) override { logger_.log(line.time, {}, to_spdlog(line.level), line.text); }
  void flush() override { logger_.flush(); }

 private:
  spdlog::logger logger_;
};

}  // namespace

Result<void> start(std::string_view name, std::string_view target, Level level) {
  Place wanted{std::string(name), std::string(target)};
  // Only a file can have become another one under the same name. Ending the writer waits for its sink, which may be
  // stuck.
  if (writer && wanted == place && !target.starts_with(file_scheme)) {
    lowest = level;
    return {};
  }
  try {
    auto sink = make_sink(name, target);
    stop();
    place = std::move(wanted);
    writer = std::make_unique<Writer>(std::make_unique<SpdlogTarget>(name, std::move(sink)), longest_queue);
    lowest = level;
    return {};
  } catch (const spdlog::spdlog_ex& fault) {
    return Error{fmt::format("log target `{}': {}", target, fault.what())};
  }
}

void stop() {
  writer.reset();
}

bool enabled(Level level) {
  return level >= lowest;
}

void write(Level level, std::string_view line) {
  if (!enabled(level)) return;
  if (!writer) {
    fmt::print(stderr, "{}\n", line);
    return;
  }
  try {
    writer->hand_over(level, line);
  } catch (const std::exception&) {
    // Out of memory. A line of the log is the least that is lost.
  }
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
