#include "bench/generator.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace mxwarden::bench {

namespace {

constexpr Duration silence = std::chrono::seconds(10);

Duration read_cpu(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return Duration::zero();
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Duration cpu_of(pid_t process) {
  clockid_t clock{};
  return ::clock_getcpuclockid(process, &clock) == 0 ? read_cpu(clock) : Duration::zero();
}

// Between `action=` and the blank line: one line, not empty. Nothing if the text is anything but one whole answer.
std::optional<std::string_view> only_answer(std::string_view text) {
  constexpr std::string_view begin = "action=";
  if (!text.starts_with(begin) || !text.ends_with("\n\n")) return std::nullopt;
  text = text.substr(begin.size(), text.size() - begin.size() - 2);
  if (text.empty() || text.find('\n') != std::string_view::npos) return std::nullopt;
  return text;
}

}  // namespace

Generator::Generator(const LoadOptions& options, const Clock& clock)
    : options_(options), clock_(clock), writer_(options.mix, options.stage, options.clients) {}

Generator::~Generator() {
  for (const Connection& connection : connections_) ::close(connection.fd);
  if (epoll_ >= 0) ::close(epoll_);
}

Result<Measured> Generator::run() {
  // Timers are otherwise up to 50 microseconds late, on purpose; at a fixed rate that would count as the server's.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  if (!open_connections()) return *failure_;

  started_ = last_answer_ = clock_.now();
  for (Connection& connection : connections_) {
    if (closed_loop()) {
      ask(connection, clock_.now());
    } else {
      free_.push_back(&connection);
    }
  }
  while (wait_and_serve()) {
  }
  if (failure_) return *failure_;

  measured_.took = clock_.now() - measured_from_;
  if (options_.server != 0) measured_.server_cpu = cpu_of(options_.server) - server_cpu_before_;
  measured_.own_cpu = read_cpu(CLOCK_PROCESS_CPUTIME_ID) - own_cpu_before_;
  std::sort(measured_.actions.begin(), measured_.actions.end(),
            [](const auto& left, const auto& right) { return left.count > right.count; });
  return std::move(measured_);
}

bool Generator::open_connections() {
  if (options_.server != 0 && cpu_of(options_.server) == Duration::zero()) {
    fail({"no process " + std::to_string(options_.server)});
    return false;
  }
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  connections_.reserve(options_.connections);
  for (std::uint32_t number = 0; number < options_.connections; ++number) {
    const auto fd = connect_to(options_.endpoint);
    if (!fd) {
      fail({options_.target + ": " + fd.error().message});
      return false;
    }
    Connection& connection = connections_.emplace_back();
    connection.fd = *fd;
    connection.number = number;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
  }
  return true;
}

// False when all is done, or failed.
bool Generator::wait_and_serve() {
  const Duration timeout = patience(clock_.now());
  const timespec wait{timeout.count() / 1'000'000'000, timeout.count() % 1'000'000'000};
  std::array<epoll_event, 256> events{};
  const int ready = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
  for (int at = 0; at < ready; ++at) receive(*static_cast<Connection*>(events[static_cast<std::size_t>(at)].data.ptr));

  const Instant now = clock_.now();
  advance_phase(now);
  if (!closed_loop()) ask_what_is_due(now);
  if (outstanding_ > 0 && now - last_answer_ > silence) fail({"no answer for ten seconds"});
  return !failure_ && !(phase_ == Phase::draining && outstanding_ == 0);
}

// How long there is nothing to do unless an answer comes.
Duration Generator::patience(Instant now) const {
  constexpr Duration longest = std::chrono::milliseconds(100);
  if (options_.spin) return Duration::zero();
  if (closed_loop() || free_.empty() || phase_ == Phase::draining) return longest;
  return std::clamp(next_due() - now, Duration::zero(), longest);
}

void Generator::advance_phase(Instant now) {
  if (phase_ == Phase::warming && now - started_ >= options_.warm_up) begin_measuring(now);
  if (phase_ != Phase::measuring) return;
  const bool enough = options_.requests > 0 ? begun_ >= options_.requests : now - measured_from_ >= options_.length;
  if (!enough) return;
  phase_ = Phase::draining;
  draining_from_ = now;
}

void Generator::begin_measuring(Instant now) {
  phase_ = Phase::measuring;
  measured_from_ = now;
  if (options_.server != 0) server_cpu_before_ = cpu_of(options_.server);
  own_cpu_before_ = read_cpu(CLOCK_PROCESS_CPUTIME_ID);
}

Instant Generator::next_due() const {
  const std::chrono::duration<double> offset(static_cast<double>(sent_) / options_.rate);
  return started_ + std::chrono::duration_cast<Duration>(offset);
}

// What was due before the end is still asked after it: a server must not gain by being late.
void Generator::ask_what_is_due(Instant now) {
  const Instant until = phase_ == Phase::draining ? std::min(now, draining_from_) : now;
  while (!free_.empty() && next_due() <= until) {
    Connection& connection = *free_.front();
    free_.pop_front();
    ask(connection, next_due());
  }
}

void Generator::ask(Connection& connection, Instant begun) {
  const std::string_view request = writer_.next(connection.number);
  connection.asked = true;
  connection.begun = begun;
  connection.counts = phase_ != Phase::warming && begun >= measured_from_;
  if (connection.counts) ++begun_;
  ++sent_;
  ++outstanding_;
  measured_.request_size = request.size();
  // Nothing else is in the socket's buffer, so it takes all or the connection is gone.
  const ssize_t sent = ::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) fail(system_error("send"));
}

void Generator::receive(Connection& connection) {
  std::array<char, 4096> buffer;
  const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (got == 0) return fail({"the server closed a connection"});
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) fail(system_error("recv"));
    return;
  }
  std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  if (!connection.part.empty() || !text.ends_with("\n\n")) {
    connection.part += text;
    if (!connection.part.ends_with("\n\n")) return;
    text = connection.part;
  }
  const auto action = only_answer(text);
  if (!connection.asked || !action) return fail({"not one answer to one request: " + std::string(text)});
  answered(connection, *action);
  connection.part.clear();
}

void Generator::answered(Connection& connection, std::string_view action) {
  const Instant now = clock_.now();
  last_answer_ = now;
  connection.asked = false;
  --outstanding_;
  if (connection.counts) {
    measured_.latency.add(now - connection.begun);
    count_action(action.substr(0, action.find(' ')));
  }
  if (!closed_loop()) {
    free_.push_back(&connection);
  } else if (phase_ != Phase::draining) {
    ask(connection, now);
  }
}

void Generator::count_action(std::string_view action) {
  for (Measured::Action& known : measured_.actions) {
    if (known.name == action) {
      ++known.count;
      return;
    }
  }
  measured_.actions.push_back({std::string(action), 1});
}

void Generator::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
}

}  // namespace mxwarden::bench
