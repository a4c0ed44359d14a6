#include "server/daemon.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <sys/resource.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "base/notify.hpp"
#include "base/own_addresses.hpp"
#include "server/random_seed.hpp"
#include "server/redis_settings.hpp"
#include "server/reload.hpp"

namespace mxwarden::server {
namespace {

using boost::system::error_code;

// For listeners, log, HTTP and what libraries open.
constexpr std::size_t other_descriptors = 256;

policy::Tracker::Options tracker_options() {
  policy::Tracker::Options options;
  options.seed = random_seed();
  return options;
}

policy::Connections::Options connection_options(const conf::Settings& settings) {
  policy::Connections::Options options;
  options.ipv4_prefix = settings.client.ipv4_prefix;
  options.ipv6_prefix = settings.client.ipv6_prefix;
  options.shared = settings.store.backend == conf::Backend::redis;
  options.seed = random_seed();
  return options;
}

policy::RecipientWatch::Options recipient_options(const conf::Settings& settings) {
  policy::RecipientWatch::Options options;
  options.source = "inline:" + settings.server.node;
  options.seed = random_seed();
  return options;
}

policy::TopCounts::Options top_options(const conf::Settings& settings) {
  return {
      .ipv4_prefix = settings.client.ipv4_prefix, .ipv6_prefix = settings.client.ipv6_prefix, .seed = random_seed()};
}

Sessions::Options session_options(const conf::Settings& settings) {
  return {.max_connections = settings.server.max_connections,
          .idle_timeout = settings.server.idle_timeout,
          .answer_within = settings.server.answer_within};
}

std::shared_ptr<const policy::Engine> make_engine(const conf::Configuration& configuration) {
  return std::make_shared<const policy::Engine>(configuration.settings, configuration.access);
}

// What max_connections promises needs as many descriptors.
void raise_descriptor_limit(std::size_t max_connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const auto wanted = static_cast<rlim_t>(max_connections + other_descriptors);
  if (limit.rlim_cur >= wanted) return;
  const rlimit raised{wanted, std::max(limit.rlim_max, wanted)};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return;
  const auto most = limit.rlim_max;
  limit.rlim_cur = most;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  log::warn(
      fmt::format("server.max_connections = {} needs {} file descriptors and only {} are allowed: raise "
                  "LimitNOFILE= of the service, or lower the setting",
                  max_connections, wanted, most));
}

policy::Pipeline::Unanswered unanswered(const conf::Settings& settings) {
  return settings.redis.on_error == conf::OnError::defer ? policy::Pipeline::Unanswered::defer
                                                         : policy::Pipeline::Unanswered::dunno;
}

double seconds_since_1970(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::optional<RedisGauges> redis_gauges(const StoreStack::Statistics& statistics) {
  if (!statistics.redis) return std::nullopt;
  return RedisGauges{.up = statistics.redis->up,
                     .questions = statistics.redis->questions,
                     .calls = statistics.redis->calls,
                     .connections = statistics.redis->connections,
                     .unanswered = statistics.unanswered,
                     .fallbacks = statistics.fallbacks,
                     .refused_from_memory = statistics.refused_from_memory};
}

std::optional<uid_t> find_user(const std::string& name) {
  if (name.empty()) return std::nullopt;
  std::array<char, 16384> texts{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, texts.data(), texts.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return entry.pw_uid;
}

std::vector<std::string> texts_of(const std::vector<conf::Fault>& faults) {
  std::vector<std::string> texts;
  for (const auto& fault : faults) texts.push_back(fault.to_string());
  return texts;
}

}  // namespace

Daemon::Daemon(conf::ConfigurationSource source, conf::Configuration configuration)
    // Runs on one thread, but others hand over what they have finished (asio::post).
    : context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      source_(std::move(source)),
      configuration_(std::move(configuration)),
      store_(context_, clock_, configuration_.settings),
      tracker_(tracker_options()),
      connections_(connection_options(configuration_.settings)),
      watch_(context_, clock_, tcp_table_, connections_,
             [this](Instant now) {
               if (publisher_) publisher_->publish(now);
             }),
      offences_(store_.records(), log::write),
      good_records_(store_.front(), log::write),
      recipients_(recipient_options(configuration_.settings), log::write,
                  [this](policy::EventBatch batch, Instant now, policy::EventEffects::Done done) {
                    events_.take(std::move(batch), now, std::move(done));
                    pipeline_.flush();
                  }),
      pipeline_(store_.front(), tracker_, make_engine(configuration_),
                policy::Pipeline::Options{.unanswered = unanswered(configuration_.settings),
                                          .connections = &watch_,
                                          .sockets = &client_sockets_,
                                          .records = &store_.records(),
                                          .offences = &offences_,
                                          .good_records = &good_records_,
                                          .recipients = &recipients_}),
      tops_(clock_, configuration_.settings.server.node, top_options(configuration_.settings), store_.board()),
      recorder_(&decisions_, &tops_.counts()),
      events_(store_.front(), store_.records(), offences_, log::write,
              policy::EventEffects::Options{.good_records = &good_records_,
                                            .top = &tops_.counts(),
                                            .happened = [this](policy::EventKind kind) { recorder_.happened(kind); }}),
      sessions_(context_, pipeline_, clock_, recorder_, session_options(configuration_.settings)),
      http_(context_,
            {.metrics = [this] { return recorder_.metrics().to_text(gauges()); },
             .trouble = [this] { return draining_ ? std::optional<std::string>("draining") : std::nullopt; }}),
      control_operations_(
          {.records = store_.records(),
           .clock = clock_,
           .settings = configuration_.settings,
           .decisions = decisions_,
           .tops = tops_,
           .firewall = firewall_,
           .status = [this] { return control_status(); },
           .reload = [this] { return reload(); },
           .explain =
               [this](policy::Explanation& explanation, policy::Explanation::Done done) {
                 pipeline_.explain(explanation, clock_.now(), configuration_.settings.server.answer_within,
                                   std::move(done));
                 pipeline_.flush();
               },
           .take_events =
               [this](policy::EventBatch batch, const ControlOperations::LogLines& lines,
                      policy::EventEffects::Done done) { take_events(std::move(batch), lines, std::move(done)); },
           .users = [this] { return control_users(); }}),
      control_(context_, control_operations_),
      signals_(context_, SIGHUP, SIGTERM, SIGINT),
      tick_timer_(context_),
      drain_timer_(context_),
      started_at_(clock_.now()),
      started_(seconds_since_1970(clock_.wall_now())) {
  std::signal(SIGPIPE, SIG_IGN);
  configure_guards();
  raise_descriptor_limit(configuration_.settings.server.max_connections);
  if (auto* shared = store_.shared()) publisher_.emplace(*shared, connections_, configuration_.settings);
}

Result<void> Daemon::open() {
  const auto& server = configuration_.settings.server;
  auto passed = passed_sockets();
  if (!passed) return passed.error();
  auto wanted = server.listen;
  if (server.http) wanted.push_back({*server.http, "http"});
  auto opened = open_listeners(wanted, std::move(*passed));
  if (!opened) return opened.error();
  for (std::size_t at = 0; at < opened->size(); ++at) {
    const auto is_http = server.http && at == server.listen.size();
    if (is_http) {
      serve_http(std::move((*opened)[at]));
    } else {
      serve(std::move((*opened)[at]));
    }
  }
  serve_control();
  return {};
}

void Daemon::serve(NamedListener listener) {
  log::info(fmt::format("listening on {}", listener.name));
  listeners_.emplace_back(
      context_, clock_, std::move(listener.socket), std::move(listener.name),
      [this](FileDescriptor socket, const Entrance& entrance) { sessions_.open(std::move(socket), entrance); });
}

void Daemon::serve_http(NamedListener listener) {
  http_listener_.emplace(context_, clock_, std::move(listener.socket), std::move(listener.name),
                         [this](FileDescriptor socket, const Entrance&) { http_.open(std::move(socket)); });
}

void Daemon::serve_control() {
  const auto& path = configuration_.settings.server.control;
  if (path.empty()) return;
  auto socket = ListeningSocket::open(conf::UnixEndpoint{path, 0660});
  if (!socket) {
    log::warn(
        fmt::format("the command mxwarden cannot reach this daemon: {}; mend it, or name another path in "
                    "server.control, and restart",
                    socket.error().message));
    return;
  }
  control_listener_.emplace(context_, clock_, std::move(*socket), "unix:" + path,
                            [this](FileDescriptor accepted, const Entrance&) { control_.open(std::move(accepted)); });
}

void Daemon::run() {
  adopt_sessions();
  store_.start();
  await_signal();
  await_tick();
  watch_connections();
  for (auto& listener : listeners_) listener.start();
  if (http_listener_) http_listener_->start();
  if (control_listener_) control_listener_->start();
  notify::ready();
  log::info(fmt::format("mxwardend {} is ready", MXWARDEN_VERSION));
  context_.run();
  log::info(recorder_.summary());
  log::info("mxwardend has ended");
}

// SMTP sessions that were there before us are not new: a restart refuses nobody.
void Daemon::adopt_sessions() {
  std::vector<policy::TcpConnection> connections;
  if (const auto read = tcp_table_.read({}, connections); !read) {
    log::warn(read.error().message + "; SMTP sessions under way will count as new ones");
    return;
  }
  tracker_.adopt(connections, clock_.now());
}

void Daemon::configure_guards() {
  const auto& settings = configuration_.settings;
  control_users_ = {};
  offences_.configure(settings, configuration_.access);
  events_.configure(settings);
  recipients_.configure(settings);
  watch_own_addresses();
  good_records_.configure(settings);
}

// One that was not there may be by now, as at an installation.
const ControlUsers& Daemon::control_users() {
  const auto& server = configuration_.settings.server;
  if (!control_users_.maillog) control_users_.maillog = find_user(server.maillog_user);
  if (!control_users_.firewall) control_users_.firewall = find_user(server.firewall_user);
  return control_users_;
}

void Daemon::take_events(policy::EventBatch batch, const ControlOperations::LogLines& lines,
                         policy::EventEffects::Done done) {
  recorder_.read_log(lines.read, lines.unknown);
  events_.take(std::move(batch), clock_.now(), std::move(done));
  pipeline_.flush();
}

// Those that were known stay if the kernel will not say.
void Daemon::watch_own_addresses() {
  if (auto own = own_addresses()) offences_.set_own_addresses(std::move(*own));
}

void Daemon::watch_connections() {
  if (configuration_.settings.client_conn.mode == conf::Mode::off) {
    watch_.stop();
    connections_.reset(configuration_.settings.client.ipv4_prefix, configuration_.settings.client.ipv6_prefix);
  } else {
    watch_.start();
  }
}

void Daemon::await_signal() {
  signals_.async_wait([this](const error_code& error, int signal) {
    if (error) return;
    take_signal(signal);
    if (!finished_) await_signal();
  });
}

void Daemon::take_signal(int signal) {
  if (signal == SIGHUP) {
    (void)reload();
  } else if (!draining_) {
    log::info(fmt::format("{}: draining, {} connections are open", signal == SIGTERM ? "SIGTERM" : "SIGINT",
                          sessions_.size()));
    drain();
  } else {
    log::warn("a second signal: ending at once");
    context_.stop();
  }
}

void Daemon::await_tick() {
  tick_timer_.expires_after(tick_interval);
  tick_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    tick();
    if (!finished_) await_tick();
  });
}

void Daemon::tick() {
  const auto now = clock_.now();
  tracker_.tick(now);
  store_.front().tick(now);
  store_.records().tick();
  sessions_.close_idle(now);
  recorder_.tick();
  control_.tick();
  good_records_.tick(now);
  events_.tick(now);
  recipients_.tick(now, clock_.wall_now());
  if (ticks_ % ticks_between_own_addresses == 0) watch_own_addresses();
  tops_.tick();
  notify::watchdog();
  if (++ticks_ < ticks_a_summary) return;
  ticks_ = 0;
  log::info(recorder_.summary());
}

Result<std::vector<std::string>> Daemon::reload() {
  if (draining_) return Error{"mxwardend is ending; nothing is read any more"};
  notify::reloading(clock_.now());
  conf::Report report;
  auto wanted = conf::load_configuration(source_, report);
  if (report.faults.empty()) check_redis_tls(wanted.settings, report);
  for (const auto& warning : report.warnings) log::warn(warning.to_string());
  for (const auto& fault : report.faults) log::error(fault.to_string());
  if (!report.faults.empty()) {
    log::error(fmt::format("reload: {} faults; what was in force stays in force", report.faults.size()));
    notify::ready();
    return Error{fmt::format("{}\nwhat was in force stays in force", fmt::join(texts_of(report.faults), "\n"))};
  }
  conf::require_files(source_, wanted, report);
  const auto restart = keep_what_needs_restart(configuration_.settings, wanted.settings);
  auto warnings = texts_of(report.warnings);
  if (!restart.empty()) {
    warnings.push_back(fmt::format("these changes take a restart: {}", fmt::join(restart, ", ")));
    log::warn("reload: " + warnings.back());
  }
  const auto& prefixes = configuration_.settings.client;
  if (prefixes.ipv4_prefix != wanted.settings.client.ipv4_prefix ||
      prefixes.ipv6_prefix != wanted.settings.client.ipv6_prefix) {
    connections_.reset(wanted.settings.client.ipv4_prefix, wanted.settings.client.ipv6_prefix);
  }
  if (publisher_) publisher_->set_settings(wanted.settings);
  tops_.counts().set_prefixes(wanted.settings.client.ipv4_prefix, wanted.settings.client.ipv6_prefix);
  sessions_.set_options(session_options(wanted.settings));
  raise_descriptor_limit(wanted.settings.server.max_connections);
  configuration_ = std::move(wanted);
  configure_guards();
  pipeline_.replace_engine(make_engine(configuration_));
  watch_connections();
  const auto& log_settings = configuration_.settings.log;
  if (const auto started = log::start("mxwardend", log_settings.target, log_settings.level); !started) {
    log::error(started.error().message);
    warnings.push_back(started.error().message);
  }
  log::info(fmt::format("reloaded {}", source_.file));
  notify::ready();
  return warnings;
}

void Daemon::drain() {
  draining_ = true;
  notify::stopping();
  for (auto& listener : listeners_) listener.close();
  sessions_.on_closed([this] {
    // Not at once: a session ends in the middle of what others are at, the store among them.
    if (sessions_.size() == 0) boost::asio::post(context_, [this] { finish(); });
  });
  drain_timer_.expires_after(longest_drain);
  drain_timer_.async_wait([this](const error_code& error) {
    if (!error) sessions_.close_all(CloseReason::drain);
  });
  sessions_.drain();
  if (sessions_.size() == 0) finish();
}

// Nothing is left to wait for, so that run() returns by itself.
void Daemon::finish() {
  finished_ = true;
  if (http_listener_) http_listener_->close();
  http_.close_all();
  if (control_listener_) control_listener_->close();
  control_.close_all();
  watch_.stop();
  store_.stop();
  tick_timer_.cancel();
  drain_timer_.cancel();
  signals_.cancel();
}

Gauges Daemon::gauges() const {
  const auto statistics = store_.statistics();
  return {.policy_connections = sessions_.size(),
          .sessions = tracker_.sessions(),
          .store_entries = statistics.embedded.entries,
          .store_evicted = statistics.embedded.evicted,
          .store_turned_away = statistics.embedded.turned_away,
          .connections = {.connections = connections_.connections(),
                          .clients = connections_.clients(),
                          .looks = watch_.statistics().looks,
                          .failed_looks = watch_.statistics().failed},
          .redis = redis_gauges(statistics),
          .firewall = firewall_.heard(clock_.now()),
          .started = started_};
}

ControlStatus Daemon::control_status() const {
  const auto statistics = store_.statistics();
  return {.backend = statistics.redis ? "redis" : "embedded",
          .store_up = !statistics.redis || statistics.redis->up,
          .uptime = clock_.now() - started_at_,
          .connections = sessions_.size(),
          .sessions = tracker_.sessions(),
          .smtp_connections = connections_.connections(),
          .spared = {good_records_.spared().begin(), good_records_.spared().end()},
          .totals = recorder_.totals()};
}

}  // namespace mxwarden::server
