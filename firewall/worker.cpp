#include "firewall/worker.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ostream>
#include <thread>
#include <utility>
#include <vector>

#include "base/notify.hpp"
#include "conf/reload.hpp"
#include "firewall/monitor_kernel.hpp"
#include "firewall/nftables.hpp"
#include "firewall/privilege.hpp"
#include "firewall/report.hpp"
#include "firewall/told.hpp"

namespace mxwarden::firewall {
namespace {

constexpr std::string_view name = "mxwarden-firewall";
constexpr auto breath = std::chrono::microseconds(50);

// The clock of the kernel's timeouts stands still while the machine is suspended; less than this is only how long it
// takes to read two clocks.
constexpr Duration shortest_suspension = std::chrono::milliseconds(500);

FileDescriptor watch_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const auto signal : {SIGHUP, SIGTERM, SIGINT}) sigaddset(&wanted, signal);
  ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  return FileDescriptor(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

// struct sched_attr of sched_setattr(2), which glibc 2.36 does not have and whose header does not go with glibc's.
struct Scheduling {
  std::uint32_t size = sizeof(Scheduling);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // nanoseconds; of SCHED_OTHER the slice
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

// Those who answer Postfix. To be nice is a smaller share, not to give way at once; a long slice is that, since Linux
// 6.12: who wakes up with a shorter one does not wait for its end (sched_setattr(2)).
void let_others_come_first() {
  constexpr std::chrono::nanoseconds slice = std::chrono::milliseconds(100);
  Scheduling wanted{.nice = 10, .runtime = slice.count()};
  // Who may not does without.
  (void)::syscall(SYS_sched_setattr, 0, &wanted, 0);
}

// The synchroniser speaks of the kernel as if it were one.
void log_what_would_be(log::Level level, std::string_view line) {
  log::write(level, fmt::format("mode=monitor {}", line));
}

std::vector<std::string_view> keep_what_needs_restart(const conf::Settings& now, conf::Settings& wanted) {
  std::vector<std::string_view> names;
  conf::keep_setting("server.control", now.server.control, wanted.server.control, names);
  conf::keep_setting("firewall.table", now.firewall.table, wanted.firewall.table, names);
  return names;
}

}  // namespace

Worker::Worker(conf::ConfigurationSource source, conf::Configuration configuration)
    : source_(std::move(source)), configuration_(std::move(configuration)), signals_(watch_signals()) {}

int Worker::run() {
  if (const auto status = open(); status != EX_OK) return status;
  notify::ready();
  log::info(fmt::format("{} {} is ready", name, MXWARDEN_VERSION));
  while (!ended_) wait();
  notify::stopping();
  if (synchroniser_) log::info(fmt::format("summary {}", summary(synchroniser_->figures())));
  log::info(fmt::format("{} has ended; the bans stay in the kernel until their end", name));
  return EX_OK;
}

int Worker::open() {
  auto interfaces = Interfaces::watch();
  if (!interfaces) {
    log::error(interfaces.error().message);
    return EX_OSERR;
  }
  interfaces_.emplace(std::move(*interfaces));
  let_others_come_first();
  suspended_ = clock_.now() - steady_clock_.now();
  if (const auto begun = begin(); !begun) {
    log::error(begun.error().message);
    return EX_NOPERM;
  }
  return EX_OK;
}

// Whatever was before: as [firewall] mode says.
Result<void> Worker::begin() {
  const auto now = clock_.now();
  const bool enforces = settings().firewall.mode == conf::Mode::enforce;
  auto nftables = Nftables::open(settings().firewall.table);
  if (!nftables && enforces) return nftables.error();
  control_.reset();
  synchroniser_.reset();
  leftover_.reset();
  stays_because_.clear();
  if (enforces) {
    kernel_ = std::move(*nftables);
  } else {
    kernel_ = std::make_unique<MonitorKernel>(log::write);
    if (nftables) {
      leftover_ = std::move(*nftables);
      remove_leftover(now);
    } else {
      log::warn(fmt::format("whether there is a table of ours is not known: {}", nftables.error().message));
    }
  }
  if (settings().firewall.mode == conf::Mode::off) {
    log::info("[firewall] mode is off: nothing is done");
    return {};
  }
  const Synchroniser::Log log = enforces ? log::write : log_what_would_be;
  synchroniser_.emplace(*kernel_, layout_of(settings()), settings(), interfaces_->addresses(), log, now);
  synchroniser_->start(now);
  reconnect_at_ = report_at_ = now;
  return {};
}

void Worker::wait() {
  std::array<pollfd, 3> ends{
      {{signals_.get(), POLLIN, 0}, {interfaces_->fd(), POLLIN, 0}, {control_ ? control_->fd() : -1, POLLIN, 0}}};
  const auto patience = std::chrono::ceil<std::chrono::milliseconds>(until_next(clock_.now()));
  if (::poll(ends.data(), ends.size(), static_cast<int>(patience.count())) < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "poll");
  }
  notify::watchdog();
  if (ends[0].revents != 0) take_signal();
  const bool moved = ends[1].revents != 0 && interfaces_->changed();
  if (ended_) return;
  const auto now = clock_.now();
  if (leftover_ && now >= remove_at_) remove_leftover(now);
  if (!synchroniser_) return;
  notice_suspension(now);
  if (moved) synchroniser_->own_addresses_are(interfaces_->addresses(), now);
  if (control_ && ends[2].revents != 0) read(now);
  if (control_ && now - heard_at_ > longest_silence) disconnect("mxwardend has fallen silent", now);
  if (!control_ && now >= reconnect_at_) connect(now);
  if (now >= synchroniser_->wakes_at()) synchroniser_->wake(now);
  // Much is to be done: whoever waits for this processor meanwhile comes first.
  if (synchroniser_->wakes_at() <= now || ends[2].revents != 0) std::this_thread::sleep_for(breath);
  if (now >= report_at_) report(now);
}

Duration Worker::until_next(Instant now) const {
  if (!synchroniser_) return longest_wait;
  auto next = std::min({synchroniser_->wakes_at(), report_at_, now + longest_wait});
  if (!control_) next = std::min(next, reconnect_at_);
  return std::max(next - now, Duration{});
}

void Worker::notice_suspension(Instant now) {
  const auto suspended = now - steady_clock_.now();
  if (suspended - suspended_ > shortest_suspension) {
    synchroniser_->was_suspended(now);
    heard_at_ = now;
  }
  suspended_ = suspended;
}

void Worker::connect(Instant now) {
  auto control = ControlSocket::open(settings().server.control, follow_request);
  if (!control) return disconnect(control.error().message, now);
  control_.emplace(std::move(*control));
  heard_at_ = now;
}

void Worker::read(Instant now) {
  heard_at_ = now;
  const auto read = control_->read([&](std::string_view line) { return take(line, now); });
  if (!read) disconnect(read.error().message, now);
}

Result<void> Worker::take(std::string_view line, Instant now) {
  const auto told = parse_told(line);
  if (!told) return told.error();
  if (std::holds_alternative<told::Following>(*told)) log::info("mxwardend tells its bans");
  synchroniser_->take(*told, now);
  if (std::holds_alternative<told::SnapshotEnds>(*told)) {
    away_because_.clear();
    reconnect_after_ = reconnect_interval;
    // What has come of it is worth knowing at once.
    report_at_ = now;
  }
  return {};
}

// Once for each reason, however often it is tried.
void Worker::disconnect(std::string_view why, Instant now) {
  if (control_) {
    synchroniser_->stream_ended();
    // One that ends before it has told all bans will do so again.
    reconnect_after_ = std::min<Duration>(2 * reconnect_after_, longest_reconnect);
  }
  control_.reset();
  reconnect_at_ = now + reconnect_after_;
  if (std::exchange(away_because_, why) == why) return;
  log::warn(fmt::format("{}; the kernel keeps the bans that it has", why));
}

// That nobody hears it is no news: the stream says so.
void Worker::report(Instant now) {
  report_at_ = now + report_interval;
  const auto figures = synchroniser_->figures();
  notify::status(summary(figures));
  if (!control_) return;
  const auto answer = ask(settings().server.control, report_text(figures, settings().firewall.mode, now));
  synchroniser_->forget_lag();
  if (!answer) return;
  const auto taken = parse_answer(*answer);
  const auto why = taken ? std::string() : taken.error().message;
  if (std::exchange(refused_because_, why) == why || why.empty()) return;
  log::warn(fmt::format("`mxwarden status' and /metrics do not know how the kernel is: {}", why));
}

void Worker::remove_leftover(Instant now) {
  const auto removed = leftover_->remove();
  if (removed.ok()) return leftover_.reset();
  remove_at_ = now + remove_interval;
  if (std::exchange(stays_because_, removed.why) == removed.why) return;
  log::warn(fmt::format("the table that another mode may have made is not removed: {}", removed.why));
}

// Which bans are worth the kernel is asked about each as it is told.
void Worker::follow_anew() {
  synchroniser_->stream_ended();
  control_.reset();
  reconnect_at_ = clock_.now();
}

void Worker::take_signal() {
  signalfd_siginfo signal{};
  while (::read(signals_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
    if (signal.ssi_signo == SIGHUP) {
      reload();
    } else {
      log::info(fmt::format("{}: ending", signal.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT"));
      ended_ = true;
    }
  }
}

void Worker::reload() {
  notify::reloading(steady_clock_.now());
  auto wanted = conf::reload_configuration(
      source_, [this](conf::Settings& changed) { return keep_what_needs_restart(settings(), changed); });
  if (!wanted) return notify::ready();
  const bool other_mode = settings().firewall.mode != wanted->settings.firewall.mode;
  const auto before = std::exchange(configuration_, std::move(*wanted));
  if (const auto started = log::start(name, settings().log.target, settings().log.level); !started) {
    log::error(started.error().message);
  }
  if (other_mode) {
    if (const auto begun = begin(); !begun) {
      log::error(fmt::format("not reloaded: the old settings stay in force: {}", begun.error().message));
      configuration_ = before;
      return notify::ready();
    }
  } else if (synchroniser_) {
    synchroniser_->configure(layout_of(settings()), settings(), clock_.now());
    follow_anew();
  }
  log::info(fmt::format("reloaded {}", source_.file));
  notify::ready();
}

int flush(const conf::Settings& settings, std::ostream& out, std::ostream& err) {
  auto nftables = Nftables::open(settings.firewall.table);
  if (!nftables) {
    err << name << ": " << nftables.error().message << '\n';
    return EX_NOPERM;
  }
  if (const auto removed = (*nftables)->remove(); !removed.ok()) {
    err << name << ": " << removed.why << '\n';
    return removed.kind == Outcome::Kind::denied ? EX_NOPERM : EX_OSERR;
  }
  out << "table inet " << settings.firewall.table
      << " is gone, with all bans in it; mxwarden-firewall makes it again while it runs\n";
  return EX_OK;
}

}  // namespace mxwarden::firewall
