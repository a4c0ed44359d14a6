#pragma once
// The load itself: one thread, one epoll, one request at a time on each connection.
//
// Closed loop: a connection asks again as soon as it was answered; a request begins when it is sent.
// Fixed rate: request k is due at begin + k/rate, goes out on the connection that is free for the longest, and begins
// when it was due, even if no connection was free then; so a server that stalls pays for every request it kept waiting.
//
// What is measured are the requests that begin in the measured time; it ends when the last of them is answered.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "bench/histogram.hpp"
#include "bench/load_options.hpp"
#include "bench/request_writer.hpp"

namespace mxwarden::bench {

struct Measured {
  struct Action {
    std::string name;  // the first word after `action=`
    std::uint64_t count = 0;
  };

  Histogram latency;
  std::vector<Action> actions;
  Duration took{};
  std::optional<Duration> server_cpu;  // user and system time of all its threads
  Duration own_cpu{};
  std::size_t request_size = 0;  // of the last one
};

class Generator {
 public:
  Generator(const LoadOptions& options, const Clock& clock);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Fails if the server is not there, closes, falls silent for ten seconds, or gives anything but exactly one answer.
  Result<Measured> run();

 private:
  enum class Phase : std::uint8_t { warming, measuring, draining };

  struct Connection {
    int fd = -1;
    std::uint32_t number = 0;
    bool asked = false;
    bool counts = false;  // its request began in the measured time
    Instant begun{};
    std::string part;  // of an answer that came in pieces
  };

  bool open_connections();
  void begin_measuring(Instant now);
  void advance_phase(Instant now);
  bool wait_and_serve();
  Duration patience(Instant now) const;
  Instant next_due() const;

  void ask(Connection& connection, Instant begun);
  void ask_what_is_due(Instant now);
  void receive(Connection& connection);
  void answered(Connection& connection, std::string_view action);
  void count_action(std::string_view action);
  void fail(Error error);
  bool closed_loop() const { return options_.rate <= 0; }

  LoadOptions options_;
  const Clock& clock_;
  RequestWriter writer_;
  Measured measured_;
  std::optional<Error> failure_;

  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::deque<Connection*> free_;
  std::size_t outstanding_ = 0;

  Phase phase_ = Phase::warming;
  Instant started_{};
  Instant measured_from_{};
  Instant draining_from_{};
  Instant last_answer_{};
  Duration server_cpu_before_{};
  Duration own_cpu_before_{};
  std::uint64_t begun_ = 0;  // measured ones
  std::uint64_t sent_ = 0;   // since the start
};

}  // namespace mxwarden::bench
