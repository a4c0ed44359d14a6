#include "server/sessions.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "unit/server/rig.hpp"

namespace mxwarden::server {
using namespace std::chrono_literals;

TEST_CASE("at the cap the connection that is idle longest makes room") {
  Rig rig;
  auto first = rig.connect();
  auto second = rig.connect();
  auto third = rig.connect();
  first.write(Rig::question("a"));
  rig.poll();
  auto fourth = rig.connect();
  rig.poll();
  CHECK(rig.sessions.size() == 3);
  CHECK(second.closed());
  CHECK(first.read() == Rig::reply("a"));
  CHECK_FALSE(first.closed());
  CHECK_FALSE(third.closed());
  fourth.write(Rig::question("b"));
  rig.poll();
  CHECK(fourth.read() == Rig::reply("b"));
}

TEST_CASE("at the cap one that waits for its answer is not taken for idle") {
  Rig rig;
  rig.store.answers_later = true;
  auto first = rig.connect();
  first.write(Rig::question("a"));
  rig.poll();
  auto second = rig.connect();
  auto third = rig.connect();
  second.write(Rig::question("b"));
  rig.poll();
  auto fourth = rig.connect();
  CHECK(third.closed());
  rig.store.answer_one();
  rig.store.answer_one();
  rig.poll();
  CHECK(first.read() == Rig::reply("a"));
  CHECK(second.read() == Rig::reply("b"));
}

TEST_CASE("of many that ask in one turn each gets its own replies, whoever leaves meanwhile") {
  Rig rig;
  rig.sessions.set_options({.max_connections = 100});
  constexpr int count = 100;
  std::vector<Wire> clients;
  for (int at = 0; at < count; ++at) clients.push_back(rig.connect());
  for (int at = 0; at < count; ++at) {
    const auto who = std::to_string(at);
    clients[static_cast<std::size_t>(at)].write(Rig::question(who) + Rig::question("again " + who));
    if (at % 10 == 0) clients[static_cast<std::size_t>(at)].close();
  }
  rig.poll();
  for (int at = 0; at < count; ++at) {
    if (at % 10 == 0) continue;
    const auto who = std::to_string(at);
    CAPTURE(who);
    CHECK(clients[static_cast<std::size_t>(at)].read() == Rig::reply(who) + Rig::reply("again " + who));
  }
  CHECK(rig.sessions.size() == count - count / 10);
}

TEST_CASE("a reply that leaves with those of others takes nothing with it that is still looked at") {
  Rig rig;
  rig.sessions.set_options({.max_connections = 100});
  constexpr int count = 70;
  std::vector<Wire> clients;
  for (int at = 0; at < count; ++at) clients.push_back(rig.connect());
  // As long as what is received at once: the session goes on to read as soon as the reply is gone.
  for (const std::size_t size : {2'048U, 4'096U, 8'192U}) {
    for (int at = 0; at < count; ++at) {
      auto question = Rig::question(std::to_string(at));
      std::string filler;
      while (question.size() + filler.size() < size) {
        const auto left = size - question.size() - filler.size();
        filler += left < 100 ? std::string(left - 3, 'x') + "=y\n" : std::string(96, 'x') + "=y\n";
      }
      clients[static_cast<std::size_t>(at)].write(filler + question);
    }
    rig.poll();
    for (int at = 0; at < count; ++at) {
      CAPTURE(at);
      CHECK(clients[static_cast<std::size_t>(at)].read() == Rig::reply(std::to_string(at)));
    }
  }
  CHECK(rig.recorder.totals().decisions == 3 * count);
  REQUIRE(rig.recorder.totals().refusals.size() == 1);
  CHECK(rig.recorder.totals().refusals[0].second == 3 * count);
}

TEST_CASE("a connection is closed once it was idle for longer than idle_timeout") {
  Rig rig;
  rig.sessions.set_options({.max_connections = 3, .idle_timeout = 60s});
  auto early = rig.connect();
  rig.clock.advance(30s);
  auto late = rig.connect();
  rig.sessions.close_idle(rig.clock.now());
  CHECK(rig.sessions.size() == 2);
  rig.clock.advance(30s);
  rig.sessions.close_idle(rig.clock.now());
  CHECK(early.closed());
  CHECK_FALSE(late.closed());
  late.write(Rig::question("a"));
  rig.poll();
  rig.clock.advance(59s);
  rig.sessions.close_idle(rig.clock.now());
  CHECK(late.read() == Rig::reply("a"));
  CHECK_FALSE(late.closed());
}

TEST_CASE("a drain closes the idle, answers what was asked, and ends") {
  Rig rig;
  rig.store.answers_later = true;
  auto idle = rig.connect();
  auto waiting = rig.connect();
  waiting.write(Rig::question("a"));
  rig.poll();
  int ended = 0;
  rig.sessions.on_closed([&] { ++ended; });
  auto sent_already = rig.connect();
  sent_already.write(Rig::question("b"));
  rig.sessions.drain();
  rig.poll();
  CHECK(idle.closed());
  CHECK(rig.sessions.size() == 2);
  rig.store.answer_one();
  rig.store.answer_one();
  rig.poll();
  CHECK(waiting.read() == Rig::reply("a"));
  CHECK(waiting.closed());
  CHECK(sent_already.read() == Rig::reply("b"));
  CHECK(sent_already.closed());
  CHECK(rig.sessions.size() == 0);
  CHECK(ended == 3);
}

}  // namespace mxwarden::server
