// What a decision costs without a socket: parser, tracker, connections, rules and embedded store, fed with the load's
// own requests (100,000 clients, uniform). Processor time of this thread, for each part and in all.
//
//   bench_decision [FILE [requests]]     the settings of FILE, else the defaults; 2,000,000 requests
//
// The parts are measured one request at a time, so that reading the clock is in each of them: look at `all`, and at
// the parts beside each other.

#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/request_writer.hpp"
#include "conf/access_table.hpp"
#include "conf/settings.hpp"
#include "policy/pipeline.hpp"
#include "server/request_parser.hpp"
#include "store/embedded_store.hpp"

using namespace mxwarden;

namespace {

constexpr std::size_t connections = 100;
constexpr std::size_t a_turn = 50;  // requests that are decided together

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// As the daemon's, with a table that shows none of the load's connections.
class Counter final : public policy::ConnectionCounter {
 public:
  std::uint32_t count(const policy::Request& request, const policy::View& view, std::uint64_t limit,
                      Instant now) override {
    if (now - looked_at_ > std::chrono::milliseconds(500)) {
      connections_.look({}, now);
      looked_at_ = now;
    }
    return connections_.ask(request, view, limit != 0, now);
  }
  std::uint32_t preview(const policy::Request& request, const policy::View& view, Instant now) override {
    return connections_.preview(request, view, now);
  }
  void closed(const policy::View& view) override { connections_.closed(view); }

 private:
  policy::Connections connections_{policy::Connections::Options{.seed = 42}};
  Instant looked_at_{};
};

struct Connection {
  server::RequestParser parser;
  policy::Inquiry inquiry;
};

class Bench {
 public:
  Bench(const conf::Settings& settings, std::shared_ptr<const conf::AccessTable> access)
      : store_({settings.store.max_entries, 42}),
        tracker_({100'000, std::chrono::hours(1), 42}),
        pipeline_(store_, tracker_, std::make_shared<policy::Engine>(settings, access),
                  policy::Pipeline::Options{.connections = &counter_}),
        connections_(connections) {
    for (std::size_t at = 0; at < connections; ++at) connections_[at].inquiry.request.policy_connection = at;
  }

  // All requests are written first; microseconds for each to parse, and to parse and decide.
  std::pair<double, double> run(std::size_t requests) {
    constexpr std::size_t a_round = 1'000;
    double parsing = 0;
    double all = 0;
    std::size_t done = 0;
    while (done < requests) {
      texts_.clear();
      for (std::size_t at = 0; at < a_round; ++at) {
        texts_.emplace_back(writer_.next(static_cast<std::uint32_t>(at % connections)));
      }
      auto before = processor_seconds();
      for (std::size_t at = 0; at < a_round; ++at) parse(connections_[at % connections], texts_[at]);
      parsing += processor_seconds() - before;
      before = processor_seconds();
      for (std::size_t at = 0; at < a_round; ++at) {
        auto& connection = connections_[at % connections];
        parse(connection, texts_[at]);
        now_ += std::chrono::microseconds(7);
        pipeline_.ask(connection.inquiry, now_, std::chrono::seconds(1),
                      [this](const policy::Decision& decision) { refused_ += decision.verdict ? 1 : 0; });
        if (at % a_turn == a_turn - 1) pipeline_.flush();
      }
      all += processor_seconds() - before;
      done += a_round;
    }
    const auto each = 1e6 / static_cast<double>(done);
    return {parsing * each, all * each};
  }

  std::size_t refused() const { return refused_; }

 private:
  static void parse(Connection& connection, const std::string& text) {
    const auto room = connection.parser.prepare();
    std::copy(text.begin(), text.end(), room.begin());
    connection.parser.commit(text.size());
    if (connection.parser.next(connection.inquiry.request) != server::RequestParser::Outcome::request) std::abort();
  }

  bench::RequestWriter writer_{bench::Mix::uniform, bench::Stage::rcpt, 100'000};
  store::EmbeddedStore store_;
  policy::Tracker tracker_;
  Counter counter_;
  policy::Pipeline pipeline_;
  std::vector<Connection> connections_;
  std::vector<std::string> texts_;
  Instant now_{std::chrono::hours(24)};
  std::size_t refused_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  conf::Report report;
  const auto settings = conf::load_settings(count > 1 ? arguments[1] : "", count < 2, {}, report);
  const auto access = std::make_shared<conf::AccessTable>(
      count > 1 && !settings.client.access.empty() ? conf::AccessTable::load(settings.client.access, report, false)
                                                   : conf::AccessTable());
  for (const auto& fault : report.faults) std::fprintf(stderr, "%s\n", fault.to_string().c_str());
  if (!report.faults.empty()) return 2;

  Bench bench(settings, access);
  const auto requests = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 2'000'000;
  bench.run(200'000);
  const auto [parsing, all] = bench.run(requests);
  std::printf("parse   %.3f us\ndecide  %.3f us\nall     %.3f us a request; %zu refused\n", parsing, all - parsing, all,
              bench.refused());
}
