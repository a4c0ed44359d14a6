#include "store/redis_sentinel.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include <string>
#include <string_view>

#include "support/redis_server.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;
using store::RedisReader;
using store::RedisSentinel;
using store::SocketAddress;
using Action = RedisSentinel::Action;
using State = RedisSentinel::State;

namespace {

constexpr Instant begin = Instant(24h);
constexpr std::string_view unsubscribed = "*3\r\n$11\r\nunsubscribe\r\n$14\r\n+switch-master\r\n:0\r\n";
constexpr std::string_view subscribed = "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n";
constexpr std::string_view at_first = "*2\r\n$9\r\n192.0.2.1\r\n$4\r\n6379\r\n";
constexpr std::string_view at_second = "*2\r\n$11\r\n2001:db8::2\r\n$4\r\n6380\r\n";
constexpr std::string_view unknown = "*-1\r\n";

SocketAddress address(std::string_view host, std::string_view port) {
  const auto parsed = SocketAddress::parse(host, port);
  REQUIRE(parsed);
  return *parsed;
}

std::string message(std::string_view text) {
  std::string bytes;
  store::append_command(bytes, {"message", "+switch-master", text});
  return bytes;
}

std::string replies(std::string_view answer) {
  return std::string(unsubscribed).append(answer).append(subscribed);
}

// A sentinel and the time it is told.
struct Stepped {
  explicit Stepped(std::uint64_t seed = 0) : sentinel({.master = "mymaster", .seed = seed}) {}

  // As it comes over the wire: what is to be done after the last reply.
  Action feed(std::string_view bytes) {
    RedisReader reader;
    reader.feed(bytes);
    Action action = Action::none;
    for (auto reply = reader.next(); reply.value(); reply = reader.next()) {
      REQUIRE(action == Action::none);
      action = sentinel.received(**reply, now);
    }
    return action;
  }

  // From waiting, as far as it takes.
  void connect() {
    if (sentinel.wakes_at()) now = std::max(now, *sentinel.wakes_at());
    REQUIRE((sentinel.wakes_at() ? sentinel.woke(now) : sentinel.start(now)) == Action::connect);
  }
  void ask() {
    connect();
    REQUIRE(sentinel.connected(now) == Action::send_question);
  }
  void listen() {
    ask();
    REQUIRE(feed(replies(at_first)) == Action::none);
    REQUIRE(sentinel.state() == State::listening);
  }

  Instant now = begin;
  RedisSentinel sentinel;
};

}  // namespace

TEST_CASE("a sentinel is connected to, asked, and listened to") {
  Stepped stepped;
  RedisSentinel& sentinel = stepped.sentinel;
  CHECK(sentinel.state() == State::waiting);
  CHECK_FALSE(sentinel.wakes_at());
  CHECK_FALSE(sentinel.is_busy());
  CHECK(sentinel.start(begin) == Action::connect);
  CHECK(sentinel.is_busy());
  CHECK(sentinel.wakes_at() == begin + 500ms);
  CHECK(sentinel.connected(begin + 400ms) == Action::send_question);
  CHECK(sentinel.is_busy());
  CHECK(sentinel.wakes_at() == begin + 900ms);
  CHECK_FALSE(sentinel.names());
  stepped.now = begin + 600ms;
  CHECK(stepped.feed(unsubscribed) == Action::none);
  CHECK(stepped.feed(at_first) == Action::none);
  CHECK(sentinel.names() == address("192.0.2.1", "6379"));
  CHECK(sentinel.is_busy());
  CHECK(stepped.feed(subscribed) == Action::none);
  CHECK(sentinel.state() == State::listening);
  CHECK_FALSE(sentinel.is_busy());
  CHECK(sentinel.wakes_at() == stepped.now + 10s);
  CHECK(sentinel.trouble().empty());
}

TEST_CASE("it is asked again every ten seconds and when the answer is wanted, and its last answer stands") {
  Stepped stepped;
  RedisSentinel& sentinel = stepped.sentinel;
  stepped.listen();
  CHECK(sentinel.woke(stepped.now + 9s) == Action::none);
  stepped.now += 10s;
  CHECK(sentinel.woke(stepped.now) == Action::send_question);
  CHECK(sentinel.names() == address("192.0.2.1", "6379"));
  CHECK(sentinel.ask(stepped.now) == Action::none);
  CHECK(stepped.feed(replies(at_second)) == Action::none);
  CHECK(sentinel.names() == address("2001:db8::2", "6380"));
  CHECK(sentinel.ask(stepped.now + 1s) == Action::send_question);
  CHECK(sentinel.wakes_at() == stepped.now + 1500ms);
}

TEST_CASE("a message that our master is replaced is followed, also in the middle of a question") {
  for (const std::string_view before : {std::string_view(), unsubscribed}) {
    CAPTURE(before);
    Stepped stepped;
    stepped.listen();
    if (!before.empty()) REQUIRE(stepped.sentinel.ask(stepped.now) == Action::send_question);
    CHECK(stepped.feed(message("mymaster 192.0.2.1 6379 2001:db8::2 6380")) == Action::follow);
    CHECK(stepped.sentinel.names() == address("2001:db8::2", "6380"));
    if (before.empty()) continue;
    CHECK(stepped.feed(replies(at_second)) == Action::none);
    CHECK(stepped.sentinel.state() == State::listening);
  }
}

TEST_CASE("a message about another master is passed over") {
  Stepped stepped;
  stepped.listen();
  for (const std::string_view text : {"other 192.0.2.1 6379 192.0.2.2 6379", "mymaster2 192.0.2.1 6379 192.0.2.2 6379",
                                      "other", "", "mymaste 1 2 3 4"}) {
    CAPTURE(text);
    CHECK(stepped.feed(message(text)) == Action::none);
    CHECK(stepped.sentinel.names() == address("192.0.2.1", "6379"));
    CHECK(stepped.sentinel.state() == State::listening);
  }
}

TEST_CASE("who speaks otherwise than a sentinel is left, and what he said is forgotten") {
  struct Row {
    std::string_view label;
    std::string bytes;
  };
  const Row rows[] = {
      {"no address", message("mymaster 192.0.2.1 6379 second 6379")},
      {"no port", message("mymaster 192.0.2.1 6379 192.0.2.2 0")},
      {"a word too few", message("mymaster 192.0.2.1 6379 192.0.2.2")},
      {"a word too many", message("mymaster 192.0.2.1 6379 192.0.2.2 6379 now")},
      {"two blanks", message("mymaster  192.0.2.1 6379 192.0.2.2 6379")},
      {"an answer to nothing", std::string(at_second)},
      {"an error", "-ERR max number of clients reached\r\n"},
      {"a number", ":7\r\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    Stepped stepped;
    stepped.listen();
    CHECK(stepped.feed(row.bytes) == Action::close);
    CHECK(stepped.sentinel.state() == State::waiting);
    CHECK_FALSE(stepped.sentinel.names());
    CHECK_FALSE(stepped.sentinel.trouble().empty());
    CHECK(*stepped.sentinel.wakes_at() - stepped.now <= 50ms);
  }
}

TEST_CASE("an answer that names nobody says why, and the next that does is taken") {
  struct Row {
    std::string_view answer;
    std::string_view trouble;
  };
  const Row rows[] = {
      {unknown, "it knows no master called `mymaster'"},
      {"*2\r\n$5\r\nfirst\r\n$4\r\n6379\r\n", "it says that the master is at first, which is no IP address"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.trouble);
    Stepped stepped;
    stepped.ask();
    CHECK(stepped.feed(replies(row.answer)) == Action::none);
    CHECK(stepped.sentinel.state() == State::listening);
    CHECK_FALSE(stepped.sentinel.names());
    CHECK(stepped.sentinel.trouble() == row.trouble);
    stepped.now += 10s;
    CHECK(stepped.sentinel.woke(stepped.now) == Action::send_question);
    CHECK(stepped.feed(replies(at_first)) == Action::none);
    CHECK(stepped.sentinel.names());
    CHECK(stepped.sentinel.trouble().empty());
  }
}

TEST_CASE("who is no sentinel, or asks for a password, is told apart") {
  struct Row {
    std::string_view bytes;
    std::string_view trouble;
  };
  const Row rows[] = {
      {"-NOAUTH Authentication required.\r\n", "it asks for a password, which is not supported"},
      {"*3\r\n$11\r\nunsubscribe\r\n$14\r\n+switch-master\r\n:0\r\n-ERR unknown command 'SENTINEL', with args\r\n",
       "it is no sentinel"},
      {"-DENIED Redis is running in protected mode\r\n", "it answers: DENIED Redis is running in protected mode"},
      {"+OK\r\n", "it does not answer as a sentinel does"},
      {"*3\r\n$11\r\nunsubscribe\r\n$14\r\n+switch-master\r\n:0\r\n*0\r\n", "it does not answer as a sentinel does"},
      {"*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n", "it does not answer as a sentinel does"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.bytes);
    Stepped stepped;
    stepped.ask();
    CHECK(stepped.feed(row.bytes) == Action::close);
    CHECK(stepped.sentinel.trouble() == row.trouble);
  }
}

TEST_CASE("a connection that is not made, or a question that is not answered, within half a second is given up") {
  Stepped stepped;
  stepped.connect();
  CHECK(stepped.sentinel.woke(stepped.now + 499ms) == Action::none);
  stepped.now += 500ms;
  CHECK(stepped.sentinel.woke(stepped.now) == Action::close);
  CHECK(stepped.sentinel.trouble() == "the connection was not made in time");
  stepped.ask();
  CHECK(stepped.feed(unsubscribed) == Action::none);
  CHECK(stepped.feed(at_first) == Action::none);
  stepped.now += 500ms;
  CHECK(stepped.sentinel.woke(stepped.now) == Action::close);
  CHECK(stepped.sentinel.trouble() == "it did not answer in time");
  CHECK_FALSE(stepped.sentinel.names());
}

TEST_CASE("the back-off to a sentinel grows until it has answered, and differs by chance") {
  const auto last_wait = [](Stepped& stepped, int failures) {
    for (int i = 0; i < failures; ++i) {
      stepped.connect();
      REQUIRE(stepped.sentinel.lost("Connection refused", stepped.now) == Action::close);
    }
    return *stepped.sentinel.wakes_at() - stepped.now;
  };
  Stepped one(1);
  Stepped other(2);
  const auto wait = last_wait(one, 10);
  CHECK(wait >= 2500ms);
  CHECK(wait <= 5s);
  CHECK(wait != last_wait(other, 10));
  one.listen();
  CHECK(one.sentinel.lost("Connection reset by peer", one.now) == Action::close);
  CHECK(*one.sentinel.wakes_at() - one.now <= 50ms);
}

TEST_CASE("what comes of a sentinel in a state that does not expect it is passed over") {
  Stepped stepped;
  RedisSentinel& sentinel = stepped.sentinel;
  CHECK(sentinel.connected(begin) == Action::none);
  CHECK(sentinel.ask(begin) == Action::none);
  CHECK(sentinel.woke(begin) == Action::none);
  CHECK(sentinel.lost("Connection reset by peer", begin) == Action::none);
  CHECK(stepped.feed(message("mymaster 192.0.2.1 6379 192.0.2.2 6379")) == Action::none);
  CHECK_FALSE(sentinel.names());
  stepped.connect();
  CHECK(sentinel.start(stepped.now) == Action::none);
  CHECK(sentinel.ask(stepped.now) == Action::none);
  CHECK(stepped.feed(unsubscribed) == Action::none);
  CHECK(sentinel.state() == State::connecting);
}

TEST_CASE("a real sentinel answers the question, again and again on one connection, and a real Redis is none") {
  tests::RedisServer sentinel({"sentinel monitor mymaster 192.0.2.1 6379 1"}, tests::RedisServer::Kind::sentinel);
  tests::RedisServer redis;
  const auto ask = [](Stepped& stepped, tests::RedisClient& client) {
    client.send(stepped.sentinel.question());
    Action action = Action::none;
    for (int i = 0; i < 3 && action == Action::none; ++i)
      action = stepped.sentinel.received(client.receive(), stepped.now);
    return action;
  };
  Stepped stepped;
  stepped.ask();
  auto client = sentinel.client();
  CHECK(ask(stepped, client) == Action::none);
  CHECK(stepped.sentinel.names() == address("192.0.2.1", "6379"));
  REQUIRE(stepped.sentinel.ask(stepped.now) == Action::send_question);
  CHECK(ask(stepped, client) == Action::none);
  CHECK(stepped.sentinel.state() == State::listening);
  Stepped mistaken;
  mistaken.ask();
  auto other = redis.client();
  CHECK(ask(mistaken, other) == Action::close);
  CHECK(mistaken.sentinel.trouble() == "it is no sentinel");
}
