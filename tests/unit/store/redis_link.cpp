#include "store/redis_link.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support/redis_server.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;
using store::RedisLink;
using store::RedisReader;
using Action = RedisLink::Action;
using State = RedisLink::State;

namespace {

constexpr Instant begin = Instant(24h);
constexpr std::string_view secret = "s3cr3t";
constexpr std::string_view script = "return 1";
constexpr std::string_view digest = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
constexpr std::string_view digest_reply = "$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n";
constexpr std::string_view master_reply = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
constexpr std::string_view replica_reply =
    "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:14\r\n";
constexpr std::string_view oom = "OOM command not allowed when used memory > 'maxmemory'.";

RedisLink::Options plain() {
  RedisLink::Options options;
  options.script = script;
  return options;
}

RedisLink::Options with_login(std::string user) {
  auto options = plain();
  options.user = std::move(user);
  options.password = secret;
  return options;
}

std::string command(std::initializer_list<std::string_view> arguments) {
  std::string bytes;
  store::append_command(bytes, arguments);
  return bytes;
}

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// A link and the time it is told.
struct Stepped {
  explicit Stepped(const RedisLink::Options& options = plain()) : link(options) {}

  // Replies to the greeting, as they come over the wire: what is to be done after the last.
  Action feed(std::string_view bytes) {
    RedisReader reader;
    reader.feed(bytes);
    Action action = Action::none;
    for (auto reply = reader.next(); reply.value(); reply = reader.next()) {
      REQUIRE(action == Action::none);
      action = link.greeted(**reply, now);
    }
    return action;
  }
  Action fail(std::string_view error) { return link.troubled(store::understand_redis_error(error), error, now); }

  // From waiting, as far as it takes.
  void connect() {
    if (link.wakes_at()) now = std::max(now, *link.wakes_at());
    REQUIRE((link.wakes_at() ? link.woke(now) : link.moved(now)) == Action::connect);
  }
  void greet() {
    connect();
    REQUIRE(link.connected(now) == Action::send_greeting);
  }
  void get_ready() {
    greet();
    REQUIRE(feed(std::string(master_reply) + std::string(digest_reply)) == Action::none);
    REQUIRE(link.state() == State::ready);
  }
  // From ready.
  void begin_rest() {
    REQUIRE(fail(oom) == Action::none);
    REQUIRE(link.state() == State::resting);
  }
  void begin_probe() {
    begin_rest();
    now += 500ms;
    REQUIRE(link.takes_calls(now));
    link.called();
  }
  // While waiting.
  Duration still_waits() const {
    REQUIRE(link.state() == State::waiting);
    REQUIRE(link.wakes_at());
    return *link.wakes_at() - now;
  }

  Instant now = begin;
  RedisLink link;
};

// The waits after failures in a row, each a connection that was refused.
std::vector<Duration> waits(std::uint64_t seed, int failures) {
  auto options = plain();
  options.seed = seed;
  Stepped stepped(options);
  std::vector<Duration> result;
  for (int i = 0; i < failures; ++i) {
    stepped.connect();
    REQUIRE(stepped.link.lost("Connection refused", stepped.now) == Action::close);
    result.push_back(stepped.still_waits());
  }
  return result;
}

}  // namespace

TEST_CASE("a link does nothing until there is a server, and then connects, greets and is ready") {
  Stepped stepped;
  RedisLink& link = stepped.link;
  CHECK(link.state() == State::waiting);
  CHECK_FALSE(link.wakes_at());
  CHECK_FALSE(link.takes_calls(begin));

  CHECK(link.moved(begin) == Action::connect);
  CHECK(link.state() == State::connecting);
  CHECK(link.wakes_at() == begin + 1s);
  CHECK_FALSE(link.takes_calls(begin));

  CHECK(link.connected(begin + 900ms) == Action::send_greeting);
  CHECK(link.state() == State::greeting);
  CHECK(link.wakes_at() == begin + 1900ms);
  CHECK_FALSE(link.takes_calls(begin + 900ms));

  CHECK(stepped.feed(master_reply) == Action::none);
  CHECK(link.state() == State::greeting);
  CHECK(stepped.feed(digest_reply) == Action::none);
  CHECK(link.state() == State::ready);
  CHECK_FALSE(link.wakes_at());
  CHECK(link.digest() == digest);
  CHECK(link.trouble().empty());
  CHECK(link.takes_calls(begin + 1s));
}

TEST_CASE("the greeting has only what is set, and takes as many replies") {
  const std::string role_and_script = command({"ROLE"}) + command({"SCRIPT", "LOAD", script});
  auto only_db = plain();
  only_db.db = 3;
  auto all = with_login("mxwarden");
  all.db = 12;
  auto user_without_password = plain();
  user_without_password.user = "mxwarden";
  struct Row {
    const char* label;
    RedisLink::Options options;
    std::string commands;
    int ok_replies;
  };
  const Row rows[] = {
      {"nothing", plain(), role_and_script, 0},
      {"a password", with_login(""), command({"AUTH", secret}) + role_and_script, 1},
      {"a user", with_login("mxwarden"), command({"AUTH", "mxwarden", secret}) + role_and_script, 1},
      {"a user without a password", user_without_password, role_and_script, 0},
      {"a database", only_db, command({"SELECT", "3"}) + role_and_script, 1},
      {"all", all, command({"AUTH", "mxwarden", secret}) + command({"SELECT", "12"}) + role_and_script, 2},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    Stepped stepped(row.options);
    stepped.greet();
    CHECK(stepped.link.greeting() == row.commands);
    for (int i = 0; i < row.ok_replies; ++i) CHECK(stepped.feed("+OK\r\n") == Action::none);
    CHECK(stepped.feed(master_reply) == Action::none);
    CHECK(stepped.link.state() == State::greeting);
    CHECK(stepped.feed(digest_reply) == Action::none);
    CHECK(stepped.link.state() == State::ready);
  }
}

TEST_CASE("a second greeting begins from its first command") {
  Stepped stepped(with_login(""));
  stepped.greet();
  CHECK(stepped.feed("+OK\r\n") == Action::none);
  CHECK(stepped.feed(master_reply) == Action::none);
  CHECK(stepped.link.lost("Connection reset by peer", stepped.now) == Action::close);
  stepped.greet();
  CHECK(stepped.feed("+OK\r\n" + std::string(master_reply) + std::string(digest_reply)) == Action::none);
  CHECK(stepped.link.state() == State::ready);
}

TEST_CASE("an error ends the greeting, and what it means says for how long") {
  struct Row {
    const char* label;
    std::string_view replies;
    Duration least;
    Duration most;
    const char* trouble;
  };
  const Row rows[] = {
      {"loading", "+OK\r\n+OK\r\n-LOADING Redis is loading the dataset in memory\r\n", 500ms, 500ms, "loading"},
      {"full", "+OK\r\n+OK\r\n-OOM command not allowed when used memory > 'maxmemory'.\r\n", 500ms, 500ms, "maxmemory"},
      {"busy", "+OK\r\n-BUSY Redis is busy running a script.\r\n", 25ms, 50ms, "SCRIPT KILL"},
      {"too many clients", "-ERR max number of clients reached\r\n", 25ms, 50ms, "maxclients"},
      {"wrong password", "-WRONGPASS invalid username-password pair or user is disabled.\r\n", 30s, 30s, "password"},
      {"no password there", "-ERR AUTH <password> called without any password configured for the default user.\r\n",
       30s, 30s, "none for this user"},
      {"no such database", "+OK\r\n-ERR DB index is out of range\r\n", 30s, 30s, "databases"},
      {"ROLE is denied", "+OK\r\n+OK\r\n-NOPERM this user has no permissions to run the 'role' command\r\n", 30s, 30s,
       "'role'"},
      {"not understood", "+OK\r\n+OK\r\n-ERR what is this\r\n", 30s, 30s, "Redis answers: ERR what is this"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    auto options = with_login("");
    options.db = 1;
    Stepped stepped(options);
    stepped.greet();
    CHECK(stepped.feed(row.replies) == Action::close);
    CHECK(stepped.still_waits() >= row.least);
    CHECK(stepped.still_waits() <= row.most);
    CHECK(mentions(stepped.link.trouble(), row.trouble));
    CHECK_FALSE(stepped.link.takes_calls(stepped.now + 1h));
    // What was still on its way.
    CHECK(stepped.feed("+OK\r\n") == Action::none);
    CHECK(stepped.link.state() == State::waiting);
    stepped.connect();
  }
}

TEST_CASE("what is no master is not greeted further") {
  struct Row {
    const char* label;
    std::string_view reply;
    const char* trouble;
  };
  const Row rows[] = {
      {"a replica", replica_reply, "the server is a replica"},
      {"a sentinel", "*2\r\n$8\r\nsentinel\r\n*0\r\n", "neither a master nor a replica"},
      {"an empty array", "*0\r\n", "neither a master nor a replica"},
      {"another kind", "$6\r\nmaster\r\n", "neither a master nor a replica"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    Stepped stepped;
    stepped.greet();
    CHECK(stepped.feed(row.reply) == Action::close);
    CHECK(stepped.still_waits() <= 50ms);
    CHECK(mentions(stepped.link.trouble(), row.trouble));
  }
}

TEST_CASE("a script without a digest does not make ready") {
  for (const std::string_view reply : {"+OK\r\n", "$-1\r\n", ":40\r\n", "$4\r\ne0e1\r\n"}) {
    CAPTURE(reply);
    Stepped stepped;
    stepped.greet();
    CHECK(stepped.feed(master_reply) == Action::none);
    CHECK(stepped.feed(reply) == Action::close);
    CHECK(stepped.still_waits() <= 50ms);
    CHECK(mentions(stepped.link.trouble(), "the script"));
  }
}

TEST_CASE("a Redis server takes the greeting of its user, and refuses it to a wrong password and as a replica") {
  tests::RedisServer server({"user mxwarden on >s3cr3t ~* +@all"});
  const auto greet = [&](RedisLink::Options options) {
    options.db = 9;
    Stepped stepped(options);
    stepped.greet();
    tests::RedisClient client = server.client();
    client.send(stepped.link.greeting());
    Action action = Action::none;
    while (stepped.link.state() == State::greeting) action = stepped.link.greeted(client.receive(), stepped.now);
    CHECK((action == Action::close) == (stepped.link.state() == State::waiting));
    return stepped;
  };
  const Stepped welcome = greet(with_login("mxwarden"));
  CHECK(welcome.link.state() == State::ready);
  CHECK(welcome.link.digest() == digest);

  const Stepped somebody_else = greet(with_login("postfix"));
  CHECK(somebody_else.still_waits() == 30s);
  CHECK(mentions(somebody_else.link.trouble(), "(WRONGPASS)"));
  CHECK(greet(with_login("")).still_waits() == 30s);

  server.client().command({"REPLICAOF", "127.0.0.1", "1"});
  const Stepped replica = greet(with_login("mxwarden"));
  CHECK(replica.still_waits() <= 50ms);
  CHECK(replica.link.trouble() == "the server is a replica");
}

TEST_CASE("trouble never holds the password, though the server may repeat it") {
  const std::string_view replies[] = {
      "-ERR unknown command 'AUTH', with args beginning with: 's3cr3t' \r\n",
      "-ERR unknown command `AUTH`, with args beginning with: `mxwarden`, `s3cr3t`, \r\n",
      "-ERR s3cr3t is not what I want\r\n",
      "-ERR s3cr3t\r\n",
      "-WRONGPASS s3cr3t\r\n",
  };
  for (const std::string_view reply : replies) {
    CAPTURE(reply);
    Stepped stepped(with_login("mxwarden"));
    stepped.greet();
    CHECK(stepped.feed(reply) == Action::close);
    CHECK(stepped.still_waits() == 30s);
    CHECK_FALSE(stepped.link.trouble().empty());
    CHECK_FALSE(mentions(stepped.link.trouble(), secret));
  }
}

TEST_CASE("with TLS a connection that takes too long may be one to a port without it") {
  auto options = plain();
  options.tls = true;
  Stepped stepped(options);
  stepped.connect();
  CHECK(stepped.link.woke(begin + options.greeting_within) == Action::close);
  CHECK(stepped.link.trouble() ==
        "the connection was not made in time, with TLS; does the server speak it on that port?");
}

TEST_CASE("a connection or a greeting that takes too long is given up, and not sooner") {
  auto options = plain();
  options.greeting_within = 200ms;
  Stepped stepped(options);
  RedisLink& link = stepped.link;
  stepped.connect();
  CHECK(link.woke(begin + 200ms - 1ns) == Action::none);
  CHECK(link.state() == State::connecting);
  CHECK(link.woke(begin + 200ms) == Action::close);
  CHECK(link.trouble() == "the connection was not made in time");
  stepped.now = begin + 200ms;
  CHECK(stepped.still_waits() <= 50ms);

  stepped.greet();
  CHECK(stepped.feed(master_reply) == Action::none);
  CHECK(link.woke(stepped.now + 200ms - 1ns) == Action::none);
  CHECK(link.state() == State::greeting);
  CHECK(link.woke(stepped.now + 200ms) == Action::close);
  CHECK(link.trouble() == "the server did not answer the greeting in time");
  stepped.now += 200ms;
  CHECK(stepped.still_waits() >= 50ms);
  CHECK(stepped.still_waits() <= 100ms);
}

TEST_CASE("a connection that is lost in any state is tried again after the back-off, and lost only once") {
  for (const State state : {State::connecting, State::greeting, State::ready, State::resting}) {
    CAPTURE(static_cast<int>(state));
    Stepped stepped;
    if (state == State::connecting) stepped.connect();
    if (state == State::greeting) stepped.greet();
    if (state >= State::ready) stepped.get_ready();
    if (state == State::resting) stepped.begin_rest();
    REQUIRE(stepped.link.state() == state);
    CHECK(stepped.link.lost("Connection reset by peer", stepped.now) == Action::close);
    CHECK(stepped.link.trouble() == "Connection reset by peer");
    const auto wakes_at = stepped.link.wakes_at();
    CHECK(stepped.still_waits() >= 25ms);
    CHECK(stepped.still_waits() <= 50ms);
    CHECK(stepped.link.lost("and again", stepped.now) == Action::none);
    CHECK(stepped.link.trouble() == "Connection reset by peer");
    CHECK(stepped.link.wakes_at() == wakes_at);
    CHECK(stepped.link.woke(*wakes_at - 1ns) == Action::none);
    CHECK(stepped.link.woke(*wakes_at) == Action::connect);
  }
}

TEST_CASE(
    "another server is connected to at once, whatever the state, and nothing of the one before is held against it") {
  struct Row {
    std::string_view label;
    void (*reach)(Stepped&);
  };
  const Row rows[] = {
      {"waiting for an administrator",
       [](Stepped& stepped) {
         stepped.greet();
         CHECK(stepped.feed("-NOAUTH Authentication required.\r\n") == Action::close);
         CHECK(stepped.still_waits() == 30s);
       }},
      {"connecting", [](Stepped& stepped) { stepped.connect(); }},
      {"greeting", [](Stepped& stepped) { stepped.greet(); }},
      {"ready", [](Stepped& stepped) { stepped.get_ready(); }},
      {"resting",
       [](Stepped& stepped) {
         stepped.get_ready();
         stepped.begin_rest();
       }},
      {"probing",
       [](Stepped& stepped) {
         stepped.get_ready();
         stepped.begin_probe();
       }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    Stepped stepped;
    RedisLink& link = stepped.link;
    for (int i = 0; i < 3; ++i) {
      stepped.connect();
      CHECK(link.lost("Connection refused", stepped.now) == Action::close);
    }
    row.reach(stepped);
    CHECK(link.moved(stepped.now) == Action::connect);
    CHECK(link.state() == State::connecting);
    CHECK(link.wakes_at() == stepped.now + 1s);
    CHECK(link.trouble().empty());
    CHECK_FALSE(link.doubts_server());
    CHECK(link.lost("Connection refused", stepped.now) == Action::close);
    CHECK(stepped.still_waits() <= 50ms);
  }
}

TEST_CASE("three connections in a row that come to nothing are a doubt, until a call is answered well") {
  Stepped stepped;
  RedisLink& link = stepped.link;
  stepped.get_ready();
  CHECK(link.lost("no answer in time", stepped.now) == Action::close);
  stepped.connect();
  stepped.now += 1s;
  CHECK(link.woke(stepped.now) == Action::close);
  CHECK_FALSE(link.doubts_server());
  stepped.greet();
  CHECK(stepped.feed("-LOADING Redis is loading the dataset in memory\r\n") == Action::close);
  CHECK(link.doubts_server());
  stepped.get_ready();
  CHECK(link.doubts_server());
  link.answered();
  CHECK_FALSE(link.doubts_server());
}

TEST_CASE("a replica is a doubt at once") {
  Stepped stepped;
  stepped.greet();
  CHECK(stepped.feed(replica_reply) == Action::close);
  CHECK(stepped.link.doubts_server());
}

TEST_CASE("the back-off doubles from 50 ms to 5 s, each between half and all of it by chance") {
  const Duration whole[] = {50ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s, 5s};
  Duration least_of_last = 5s;
  Duration most_of_last = 0s;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto waited = waits(seed, std::size(whole));
    for (std::size_t i = 0; i < std::size(whole); ++i) {
      CAPTURE(i);
      CHECK(waited[i] >= whole[i] / 2);
      CHECK(waited[i] <= whole[i]);
    }
    least_of_last = std::min(least_of_last, waited.back());
    most_of_last = std::max(most_of_last, waited.back());
  }
  CHECK(least_of_last < 2600ms);
  CHECK(most_of_last > 4900ms);
}

TEST_CASE("the jitter is the seed's alone") {
  CHECK(waits(7, 20) == waits(7, 20));
  CHECK(waits(7, 20) != waits(8, 20));
}

TEST_CASE("only a call that was answered well makes the back-off begin anew") {
  Stepped stepped;
  for (int i = 0; i < 6; ++i) {
    stepped.get_ready();
    CHECK(stepped.link.lost("Connection reset by peer", stepped.now) == Action::close);
  }
  CHECK(stepped.still_waits() >= 800ms);
  stepped.get_ready();
  CHECK(stepped.link.trouble() == "Connection reset by peer");
  CHECK(stepped.fail("WRONGTYPE Operation against a key holding the wrong kind of value") == Action::none);
  CHECK(stepped.link.lost("Connection reset by peer", stepped.now) == Action::close);
  CHECK(stepped.still_waits() >= 1600ms);
  stepped.get_ready();
  stepped.link.answered();
  CHECK(stepped.link.trouble().empty());
  CHECK(stepped.link.lost("Connection reset by peer", stepped.now) == Action::close);
  CHECK(stepped.still_waits() <= 50ms);
}

TEST_CASE("an error to a call does what it means") {
  struct Row {
    const char* label;
    std::string_view error;
    Action action;
    State state;
    Duration least;
    Duration most;
    const char* trouble;
  };
  const Row rows[] = {
      {"a demoted master", "READONLY You can't write against a read only replica.", Action::close, State::waiting, 25ms,
       50ms, "the server is a replica (READONLY You can't"},
      {"denied", "NOPERM this user has no permissions to run the 'evalsha' command", Action::close, State::waiting, 30s,
       30s, "ACL"},
      {"full", oom, Action::none, State::resting, 500ms, 500ms, "maxmemory"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    Stepped stepped;
    stepped.get_ready();
    CHECK(stepped.fail(row.error) == row.action);
    CHECK(stepped.link.state() == row.state);
    REQUIRE(stepped.link.wakes_at());
    CHECK(*stepped.link.wakes_at() - stepped.now >= row.least);
    CHECK(*stepped.link.wakes_at() - stepped.now <= row.most);
    CHECK(mentions(stepped.link.trouble(), row.trouble));
    CHECK_FALSE(stepped.link.takes_calls(stepped.now));
  }
}

TEST_CASE("an error of one call alone changes nothing for the others") {
  Stepped stepped;
  stepped.get_ready();
  CHECK(stepped.fail("NOSCRIPT No matching script. Please use EVAL.") == Action::none);
  CHECK(stepped.link.trouble().empty());
  CHECK(stepped.fail("WRONGTYPE Operation against a key holding the wrong kind of value") == Action::none);
  CHECK(mentions(stepped.link.trouble(), "Redis answers: WRONGTYPE"));
  CHECK(stepped.link.state() == State::ready);
  CHECK_FALSE(stepped.link.wakes_at());
  CHECK(stepped.link.takes_calls(stepped.now));
}

TEST_CASE("after half a second of rest one call is taken as the probe, and no other until it is answered") {
  Stepped stepped;
  RedisLink& link = stepped.link;
  stepped.get_ready();
  link.called();
  CHECK(link.takes_calls(stepped.now));
  stepped.begin_rest();
  CHECK_FALSE(link.takes_calls(stepped.now));
  CHECK_FALSE(link.takes_calls(stepped.now + 500ms - 1ns));
  stepped.now += 500ms;
  CHECK(link.takes_calls(stepped.now));
  CHECK(link.woke(stepped.now) == Action::none);
  CHECK_FALSE(link.wakes_at());
  CHECK(link.state() == State::resting);
  CHECK(link.takes_calls(stepped.now));
  link.called();
  CHECK_FALSE(link.takes_calls(stepped.now + 1h));
  link.answered();
  CHECK(link.state() == State::ready);
  CHECK(link.takes_calls(stepped.now));
  CHECK(link.trouble().empty());
}

TEST_CASE("the probe's answer decides whether the rest goes on") {
  struct Row {
    const char* label;
    std::string_view error;
    Action action;
    State state;
  };
  const Row rows[] = {
      {"still full", oom, Action::none, State::resting},
      {"an error of its own", "WRONGTYPE Operation against a key", Action::none, State::ready},
      {"the script is not known any more", "NOSCRIPT No matching script.", Action::none, State::ready},
      {"a replica now", "READONLY You can't write against a read only replica.", Action::close, State::waiting},
      {"a password now", "NOAUTH Authentication required.", Action::close, State::waiting},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    Stepped stepped;
    stepped.get_ready();
    stepped.begin_probe();
    CHECK(stepped.fail(row.error) == row.action);
    CHECK(stepped.link.state() == row.state);
    CHECK(stepped.link.takes_calls(stepped.now) == (row.state == State::ready));
    CHECK(stepped.link.takes_calls(stepped.now + 500ms) == (row.state != State::waiting));
  }
}

TEST_CASE("a probe that is lost with its connection is forgotten with it") {
  Stepped stepped;
  stepped.get_ready();
  stepped.begin_probe();
  CHECK(stepped.link.lost("no answer in time", stepped.now) == Action::close);
  stepped.get_ready();
  CHECK(stepped.link.takes_calls(stepped.now));
  stepped.begin_rest();
  CHECK(stepped.link.takes_calls(stepped.now + 500ms));
}

TEST_CASE("answers to calls from before the rest do not end it, and errors among them prolong it") {
  Stepped stepped;
  stepped.get_ready();
  stepped.begin_rest();
  stepped.now += 100ms;
  stepped.link.answered();
  CHECK(stepped.fail("WRONGTYPE Operation against a key") == Action::none);
  CHECK(stepped.link.state() == State::resting);
  CHECK(stepped.link.wakes_at() == stepped.now + 400ms);
  CHECK(stepped.fail(oom) == Action::none);
  CHECK(stepped.link.wakes_at() == stepped.now + 500ms);
}

TEST_CASE("what still comes of a connection that was given up changes nothing") {
  Stepped stepped;
  RedisLink& link = stepped.link;
  for (int i = 0; i < 3; ++i) {
    stepped.get_ready();
    CHECK(link.lost("Connection reset by peer", stepped.now) == Action::close);
  }
  const auto wakes_at = link.wakes_at();
  link.called();
  link.answered();
  CHECK(stepped.fail("NOAUTH Authentication required.") == Action::none);
  CHECK(link.state() == State::waiting);
  CHECK(link.wakes_at() == wakes_at);
  CHECK(link.trouble() == "Connection reset by peer");
  stepped.connect();
  CHECK(link.lost("Connection refused", stepped.now) == Action::close);
  CHECK(stepped.still_waits() >= 200ms);
}

TEST_CASE("what comes in a state that does not expect it is passed over") {
  Stepped stepped;
  RedisLink& link = stepped.link;
  link.called();
  link.answered();
  CHECK(stepped.fail(oom) == Action::none);
  CHECK(stepped.feed("-NOAUTH Authentication required.\r\n") == Action::none);
  CHECK(link.connected(stepped.now) == Action::none);
  CHECK(link.woke(stepped.now) == Action::none);
  CHECK(link.state() == State::waiting);
  stepped.get_ready();
  CHECK(link.connected(stepped.now) == Action::none);
  CHECK(link.woke(stepped.now) == Action::none);
  CHECK(stepped.feed("-NOAUTH Authentication required.\r\n") == Action::none);
  CHECK(link.state() == State::ready);
  CHECK(link.trouble().empty());
}
