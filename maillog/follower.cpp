#include "maillog/follower.hpp"

#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <utility>
#include <vector>

#include "base/escape.hpp"
#include "base/notify.hpp"
#include "conf/reload.hpp"
#include "conf/value.hpp"
#include "maillog/source/file_source.hpp"
#include "maillog/source/fingerprint.hpp"
#include "maillog/source/journal_source.hpp"
#include "maillog/source/stream_source.hpp"
#include "maillog/source/syslog_source.hpp"

namespace mxwarden::maillog {
namespace {

using boost::system::error_code;
using Kind = conf::LogSource::Kind;

std::uint64_t random_number() {
  std::random_device random;
  return (std::uint64_t{random()} << 32U) | random();
}

bool can_be_read_again(const conf::LogSource& source) {
  return source.kind == Kind::file || source.kind == Kind::journal;
}

// Whose positions: those of this node, this source, and this numbering.
std::string make_source_id(const std::string& node, const conf::LogSource& source) {
  // A name that a record is to keep is short.
  constexpr std::size_t longest = 100;
  auto name = to_string(source);
  if (name.size() > longest) name = fmt::format("{}:{:016x}", name.substr(0, longest), fingerprint(name));
  return fmt::format("{}:{}:{:016x}", node, name, random_number());
}

// It does not begin.
int refuse(const Error& why, int status) {
  log::error(why.message);
  return status;
}

std::vector<std::string_view> keep_what_needs_restart(const conf::Settings& now, conf::Settings& wanted) {
  std::vector<std::string_view> names;
  conf::keep_setting("server.control", now.server.control, wanted.server.control, names);
  conf::keep_setting("maillog.source", now.maillog.source, wanted.maillog.source, names);
  conf::keep_setting("maillog.state", now.maillog.state, wanted.maillog.state, names);
  return names;
}

}  // namespace

Follower::Follower(conf::ConfigurationSource source, conf::Configuration configuration, conf::LogSource from)
    : context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE),
      source_of_settings_(std::move(source)),
      configuration_(std::move(configuration)),
      from_(std::move(from)),
      recogniser_(configuration_.settings.maillog),
      link_(context_, configuration_.settings.server.control),
      signals_(context_, SIGHUP, SIGTERM, SIGINT),
      tick_timer_(context_),
      retry_timer_(context_),
      keep_timer_(context_),
      end_timer_(context_) {
  std::signal(SIGPIPE, SIG_IGN);
}

int Follower::run() {
  if (const auto status = open(); status != EX_OK) return status;
  await_signal();
  await_tick();
  notify::ready();
  log::info(fmt::format("mxwarden-maillog {} is ready, and reads {}", MXWARDEN_VERSION, printable(to_string(from_))));
  context_.run();
  log::info(summary());
  log::info("mxwarden-maillog has ended");
  return EX_OK;
}

int Follower::open() {
  auto bookmark = open_state();
  if (!bookmark) return refuse(bookmark.error(), EX_CANTCREAT);
  if (const auto status = open_stream(); status != EX_OK) return status;
  const auto& begin_at = *bookmark;
  source_id_ = begin_at ? begin_at->source : make_source_id(configuration_.settings.server.node, from_);
  delivery_.emplace(source_id_, begin_at ? begin_at->position : 0,
                    Delivery::Options{.may_drop = !can_be_read_again(from_), .seed = random_number()}, log::write);
  source_ = make_source(std::move(*bookmark));
  if (const auto started = source_->start(); !started) return refuse(started.error(), EX_NOINPUT);
  if (const auto kept = keep(); !kept) return refuse(kept.error(), EX_CANTCREAT);
  return EX_OK;
}

// Where to begin, if that is known.
Result<std::optional<Bookmark>> Follower::open_state() {
  if (!can_be_read_again(from_)) return std::optional<Bookmark>();
  auto opened = StateFile::open(configuration_.settings.maillog.state, to_string(from_));
  if (!opened) return opened.error();
  if (opened->set_aside) log::warn(opened->set_aside->message);
  state_.emplace(std::move(opened->file));
  return std::move(opened->bookmark);
}

int Follower::open_stream() {
  if (from_.kind == Kind::standard_input) stream_ = FileDescriptor(STDIN_FILENO);
  if (from_.kind != Kind::fifo) return EX_OK;
  auto fifo = open_fifo(from_.path);
  if (!fifo) return refuse(fifo.error(), EX_NOINPUT);
  if (const auto locked = lock_fifo(*fifo, from_.path); !locked) return refuse(locked.error(), EX_CANTCREAT);
  stream_ = std::move(*fifo);
  return EX_OK;
}

std::unique_ptr<Source> Follower::make_source(std::optional<Bookmark> bookmark) {
  switch (from_.kind) {
    case Kind::file:
      return std::make_unique<FileSource>(context_, clock_, *this, from_.path, std::move(bookmark));
    case Kind::journal:
      return std::make_unique<JournalSource>(context_, clock_, *this, std::vector<std::string>{"journalctl"},
                                             std::move(bookmark), random_number());
    case Kind::syslog:
      return std::make_unique<SyslogSource>(context_, clock_, *this, from_.path);
    case Kind::fifo:
    case Kind::standard_input:
      break;
  }
  return std::make_unique<StreamSource>(context_, clock_, *this, std::move(stream_));
}

void Follower::take(const LogLine* line, std::uint64_t position) {
  const auto seen = line == nullptr ? Recognised() : recogniser_.see(*line, position);
  if (tally_.see(line == nullptr ? nullptr : &seen)) {
    log::warn(
        fmt::format("none of the last {} lines of {} was recognised: is it the mail log ([maillog] source), and does "
                    "[maillog] recognise name what runs here? mxwarden-maillog --stats says what is in it",
                    Tally::suspicious, printable(to_string(from_))));
  }
  delivery_->take(position, seen.event ? &*seen.event : nullptr, seen.what == Recognised::What::unknown);
}

void Follower::remember(const LogLine& line) {
  (void)recogniser_.see(line, 0);
}

void Follower::taken() {
  send();
  progress();
}

void Follower::send() {
  // What can be read again can also wait.
  if (finished_ || (ending_ && state_)) return;
  if (auto request = delivery_->next(clock_.now())) {
    link_.ask(std::move(*request), [this](const Result<std::string>& answer) { answered(answer); });
  } else if (const auto due = delivery_->due()) {
    retry_timer_.expires_at(*due);
    retry_timer_.async_wait([this](const error_code& cancelled) {
      if (!cancelled) send();
    });
  }
}

void Follower::answered(const Result<std::string>& answer) {
  const auto was_full = delivery_->full();
  if (answer) {
    delivery_->answered(*answer, clock_.now());
  } else {
    delivery_->lost(answer.error().message, clock_.now());
  }
  send();
  progress();
  if (was_full && !delivery_->full() && !ending_) source_->go_on();
}

// What follows from it that more may be done with by now.
void Follower::progress() {
  source_->acknowledge(delivery_->acknowledged());
  if (delivery_->acknowledged() != kept_position_) keep_soon();
  const auto done = state_ ? !delivery_->on_the_way() : delivery_->idle();
  if ((ending_ && done) || (source_ended_ && delivery_->idle())) finish();
}

void Follower::keep_soon() {
  if (!state_ || finished_ || std::exchange(keeping_, true)) return;
  keep_timer_.expires_after(keep_interval);
  keep_timer_.async_wait([this](const error_code& cancelled) {
    keeping_ = false;
    if (!cancelled) keep_bookmark();
  });
}

void Follower::keep_bookmark() {
  if (const auto kept = keep(); !kept) not_kept_.warn(kept.error().message, clock_.now());
}

Result<void> Follower::keep() {
  if (!state_) return {};
  auto bookmark = source_->bookmark();
  if (!bookmark) return {};
  bookmark->source = source_id_;
  bookmark->kept_at = clock_.wall_now();
  kept_position_ = delivery_->acknowledged();
  return state_->write(*bookmark);
}

void Follower::ended() {
  source_ended_ = true;
  log::info("standard input has ended" + delivery_->backlog());
  progress();
}

void Follower::await_signal() {
  signals_.async_wait([this](const error_code& error, int signal) {
    if (error) return;
    take_signal(signal);
    if (!finished_) await_signal();
  });
}

void Follower::take_signal(int signal) {
  if (signal == SIGHUP) {
    reload();
  } else if (!ending_) {
    stop(signal);
  } else {
    log::warn("a second signal: ending at once");
    finish();
  }
}

void Follower::await_tick() {
  tick_timer_.expires_after(tick_interval);
  tick_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    tick();
    if (!finished_) await_tick();
  });
}

void Follower::tick() {
  notify::watchdog();
  send();
  if (++ticks_ < ticks_a_summary) return;
  ticks_ = 0;
  log::info(summary());
}

void Follower::reload() {
  if (ending_) return;
  notify::reloading(clock_.now());
  auto wanted = conf::reload_configuration(source_of_settings_, [this](conf::Settings& settings) {
    return keep_what_needs_restart(configuration_.settings, settings);
  });
  if (!wanted) return notify::ready();
  configuration_ = std::move(*wanted);
  recogniser_.configure(configuration_.settings.maillog);
  const auto& log_settings = configuration_.settings.log;
  if (const auto started = log::start("mxwarden-maillog", log_settings.target, log_settings.level); !started) {
    log::error(started.error().message);
  }
  log::info(fmt::format("reloaded {}", source_of_settings_.file));
  notify::ready();
}

void Follower::stop(int signal) {
  log::info(fmt::format("{}: ending{}", signal == SIGTERM ? "SIGTERM" : "SIGINT", delivery_->backlog()));
  ending_ = true;
  notify::stopping();
  source_->stop();
  end_timer_.expires_after(longest_end);
  end_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled) finish();
  });
  progress();
}

// Nothing is left to wait for, so that run() returns by itself.
void Follower::finish() {
  if (std::exchange(finished_, true)) return;
  source_->stop();
  keep_bookmark();
  if (!state_ && delivery_->waiting() > 0) {
    log::warn(fmt::format("{} events were not delivered, and are lost", delivery_->waiting()));
  }
  link_.close();
  signals_.cancel();
  for (auto* timer : {&tick_timer_, &retry_timer_, &keep_timer_, &end_timer_}) timer->cancel();
}

std::string Follower::summary() {
  const auto& counts = delivery_->counts();
  return fmt::format("summary {} delivered={} waiting={} most_waited={} dropped={} wrong={}", tally_.take(),
                     counts.delivered, delivery_->waiting(), counts.most_waited, counts.dropped, counts.wrong);
}

}  // namespace mxwarden::maillog
