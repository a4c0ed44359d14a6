#include "store/redis_error.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>

#include "support/redis_server.hpp"

using namespace std::chrono_literals;
using mxwarden::store::RedisRemedy;
using mxwarden::store::RedisTrouble;
using mxwarden::store::understand_redis_error;
using mxwarden::tests::RedisClient;
using mxwarden::tests::RedisServer;
using Command = std::initializer_list<std::string_view>;

namespace {

constexpr auto send_script = RedisRemedy::send_script;
constexpr auto rest = RedisRemedy::rest;
constexpr auto reconnect = RedisRemedy::reconnect;
constexpr auto administrator = RedisRemedy::wait_for_administrator;
constexpr auto none = RedisRemedy::none;

const Command ping = {"PING"};
const Command set_key = {"SET", "key", "value"};
const Command set_in_script = {"EVAL", "\n\nredis.call('SET', KEYS[1], 'value')", "1", "key"};
const Command unknown_script = {"EVALSHA", "0000000000000000000000000000000000000000", "0"};

// `advice`: a part of it.
void check_error(std::string_view error, RedisRemedy remedy, std::string_view advice) {
  CAPTURE(error);
  const RedisTrouble trouble = understand_redis_error(error);
  CAPTURE(trouble.advice);
  CHECK(trouble.remedy == remedy);
  CHECK(trouble.advice.find(advice) != std::string_view::npos);
  CHECK(trouble.advice.empty() == advice.empty());
}

void check_provoked(RedisClient& client, Command command, RedisRemedy remedy, std::string_view advice) {
  const auto reply = client.command(command);
  REQUIRE(reply.is_error());
  check_error(reply.text(), remedy, advice);
}

void must(RedisClient& client, Command command) {
  const auto reply = client.command(command);
  CAPTURE(reply.text());
  REQUIRE_FALSE(reply.is_error());
}

// Asks until Redis refuses: what leads to it goes on beside.
void wait_for_error(RedisClient& client, Command command) {
  for (int tries = 0; tries < 1000; ++tries) {
    if (client.command(command).is_error()) return;
    std::this_thread::sleep_for(5ms);
  }
  FAIL("Redis refuses nothing");
}

}  // namespace

TEST_CASE("an error is understood in the words of Redis 6 and 7") {
  struct Row {
    const char* label;
    std::string_view error;
    RedisRemedy remedy;
    std::string_view advice;
  };
  const Row rows[] = {
      {"a demoted master unblocks", "UNBLOCKED force unblock from blocking operation, instance state changed",
       reconnect, "a replica"},
      {"too many clients and cluster nodes", "ERR max number of clients + cluster connections reached", reconnect,
       "maxclients"},
      {"a password before Redis 6", "ERR invalid password", administrator, "password"},
      {"none there, before Redis 6", "ERR Client sent AUTH, but no password is set", administrator,
       "none for this user"},
      {"a user before Redis 6", "ERR wrong number of arguments for 'auth' command", administrator, "older than 6"},
      {"protected mode", "DENIED Redis is running in protected mode because protected mode is enabled", administrator,
       "protected mode"},
      {"a slot elsewhere", "MOVED 1 127.0.0.1:6381", administrator, "Cluster"},
      {"a slot on its way", "ASK 1 127.0.0.1:6381", administrator, "Cluster"},
      {"half a slot", "TRYAGAIN Multiple keys request during rehashing of slot", administrator, "Cluster"},
      {"two slots", "CROSSSLOT Keys in request don't hash to the same slot", administrator, "Cluster"},
      {"a slot nowhere", "CLUSTERDOWN Hash slot not served", administrator, "Cluster"},
      {"a database in a cluster", "ERR SELECT is not allowed in cluster mode", administrator, "Cluster"},
      {"a renamed command, as Redis 6 says it", "ERR unknown command `ROLE`, with args beginning with: ", administrator,
       "renamed"},

      {"full, in a script of Redis 7",
       "OOM command not allowed when used memory > 'maxmemory'. script: d1bfa850232cba7c103c33c193db44c0faaa40ce, on "
       "@user_script:3.",
       rest, "maxmemory"},
      {"full, in a script of Redis 6",
       "ERR Error running script (call to f_d1bfa850232cba7c103c33c193db44c0faaa40ce): @user_script:3: @user_script: "
       "3: "
       "-OOM command not allowed when used memory > 'maxmemory'.",
       rest, "maxmemory"},
      {"full, with the place once",
       "ERR Error running script (call to f_d1bfa850232cba7c103c33c193db44c0faaa40ce): @user_script:3: -OOM command "
       "not "
       "allowed when used memory > 'maxmemory'.",
       rest, "maxmemory"},
      {"full, as a script passes it on",
       "ERR user_script:12: OOM command not allowed script: d1bf, on @user_script:12.", rest, "maxmemory"},
      {"a replica, in a script of Redis 6",
       "ERR Error running script (call to f_d1bf): @user_script:1: @user_script: 1: -READONLY You can't write against "
       "a "
       "read only replica.",
       reconnect, "a replica"},
      {"denied, in a script of Redis 6",
       "ERR Error running script (call to f_d1bf): @user_script:1: @user_script: 1: The user executing the script "
       "can't "
       "run this command or subcommand",
       administrator, "ACL"},
      {"another kind of value, in a script of Redis 6",
       "ERR Error running script (call to f_d1bf): @user_script:1: WRONGTYPE Operation against a key holding the wrong "
       "kind of value",
       none, ""},

      {"a mistake in a script", "ERR Error compiling script (new function): user_script:1: '=' expected near 'is'",
       none, ""},
      {"a word that only begins alike", "BUSYGROUP Consumer Group name already exists", none, ""},
      {"a code further back", "ERR this is not about READONLY", none, ""},
      {"a place without a number", "ERR user_script:: OOM", none, ""},
      {"a place that ends there", "ERR @user_script:1", none, ""},
      {"a wrapping that does not end", "ERR Error running script (OOM", none, ""},
      {"a code alone", "OOM", rest, "maxmemory"},
      {"the code that says nothing", "ERR", none, ""},
      {"the same with a blank", "ERR ", none, ""},
      {"nothing", "", none, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    check_error(row.error, row.remedy, row.advice);
  }
}

TEST_CASE("a script that Redis does not know is sent again") {
  RedisServer server;
  RedisClient client = server.client();
  check_provoked(client, unknown_script, send_script, "");
}

TEST_CASE("an error of one call alone is nobody else's") {
  RedisServer server;
  RedisClient client = server.client();
  must(client, {"LPUSH", "key", "value"});
  check_provoked(client, {"GET", "key"}, none, "");
  check_provoked(client, {"EVAL", "return redis.call('GET', KEYS[1])", "1", "key"}, none, "");
  check_provoked(client, {"EVAL", "error('of its own')", "0"}, none, "");
  check_provoked(client, {"EVAL", "this is no Lua", "0"}, none, "");
}

TEST_CASE("a command that Redis does not know is the administrator's") {
  RedisServer server;
  RedisClient client = server.client();
  check_provoked(client, {"ROLL"}, administrator, "renamed");
  check_provoked(client, {"EVAL", "redis.call('ROLL')", "0"}, administrator, "renamed");
}

TEST_CASE("a full Redis rests") {
  RedisServer server;
  RedisClient client = server.client();
  must(client, {"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  must(client, {"CONFIG", "SET", "maxmemory", "1"});
  check_provoked(client, set_key, rest, "maxmemory");
  check_provoked(client, set_in_script, rest, "maxmemory");
  check_provoked(client, {"EVAL", "error(redis.pcall('SET', KEYS[1], 'value').err)", "1", "key"}, rest, "maxmemory");
}

TEST_CASE("a Redis that cannot save rests") {
  RedisServer server({"save 3600 1", "stop-writes-on-bgsave-error yes"});
  RedisClient client = server.client();
  // What it is to be renamed to is in the way.
  std::filesystem::create_directory(std::filesystem::path(server.socket_path()).parent_path() / "dump.rdb");
  must(client, {"BGSAVE"});
  wait_for_error(client, set_key);
  check_provoked(client, set_key, rest, "save");
  check_provoked(client, set_in_script, rest, "save");
}

TEST_CASE("a Redis that lacks replicas rests") {
  RedisServer server({"min-replicas-to-write 1"});
  RedisClient client = server.client();
  check_provoked(client, set_key, rest, "replicas");
  check_provoked(client, set_in_script, rest, "replicas");
}

TEST_CASE("a Redis that is loading rests") {
  // Each key takes 10 ms to load, and after each it looks who asks.
  RedisServer server({"key-load-delay 10000", "loading-process-events-interval-bytes 1024", "rdbcompression no"});
  RedisClient before = server.client();
  must(before, {"EVAL", "for i = 1, 200 do redis.call('SET', i, string.rep('x', 2000)) end", "0"});
  must(before, {"SAVE"});
  server.kill();
  server.start();
  RedisClient client = server.client();
  check_provoked(client, ping, rest, "loading");
  check_provoked(client, set_in_script, rest, "loading");
  check_provoked(client, unknown_script, rest, "loading");
  check_provoked(client, {"SCRIPT", "LOAD", "return 1"}, rest, "loading");
}

TEST_CASE("a replica is left") {
  RedisServer server;
  RedisClient client = server.client();
  must(client, {"REPLICAOF", "127.0.0.1", "1"});
  check_provoked(client, set_key, reconnect, "a replica");
  check_provoked(client, set_in_script, reconnect, "a replica");
  must(client, {"CONFIG", "SET", "replica-serve-stale-data", "no"});
  check_provoked(client, {"GET", "key"}, reconnect, "lost its master");
  check_provoked(client, set_in_script, reconnect, "lost its master");
}

TEST_CASE("a Redis that a script keeps busy is left") {
  RedisServer server({"lua-time-limit 100"});
  RedisClient looping = server.client();
  RedisClient client = server.client();
  std::string loop;
  mxwarden::store::append_command(loop, {"EVAL", "while true do end", "0"});
  looping.send(loop);
  wait_for_error(client, ping);
  check_provoked(client, ping, reconnect, "SCRIPT KILL");
  check_provoked(client, set_in_script, reconnect, "SCRIPT KILL");
  must(client, {"SCRIPT", "KILL"});
  const auto killed = looping.receive();
  REQUIRE(killed.is_error());
  check_error(killed.text(), none, "");

  loop.clear();
  mxwarden::store::append_command(loop, {"EVAL", "redis.call('SET', 'key', 'value') while true do end", "0"});
  looping.send(loop);
  wait_for_error(client, ping);
  check_provoked(client, {"SCRIPT", "KILL"}, reconnect, "has written");
}

TEST_CASE("a Redis with too many clients is left") {
  RedisServer server;
  RedisClient client = server.client();
  must(client, {"CONFIG", "SET", "maxclients", "1"});
  RedisClient one_too_many = server.client();
  const auto reply = one_too_many.receive();
  REQUIRE(reply.is_error());
  check_error(reply.text(), reconnect, "maxclients");
}

TEST_CASE("a wrong login waits for the administrator") {
  RedisServer server;
  RedisClient client = server.client();
  check_provoked(client, {"AUTH", "password"}, administrator, "none for this user");
  check_provoked(client, {"SELECT", "99"}, administrator, "databases");
  must(client, {"CONFIG", "SET", "requirepass", "password"});
  RedisClient stranger = server.client();
  check_provoked(stranger, ping, administrator, "asks for a password");
  check_provoked(stranger, set_in_script, administrator, "asks for a password");
  check_provoked(stranger, {"AUTH", "wrong"}, administrator, "refuses");
  check_provoked(stranger, {"AUTH", "nobody", "password"}, administrator, "refuses");
}

TEST_CASE("what the ACL denies waits for the administrator") {
  RedisServer server({"user low on >password ~key +@all -set"});
  RedisClient client = server.client();
  must(client, {"AUTH", "low", "password"});
  check_provoked(client, set_key, administrator, "ACL");
  check_provoked(client, {"GET", "another"}, administrator, "ACL");
  check_provoked(client, set_in_script, administrator, "ACL");
  check_provoked(client, {"EVAL", "return redis.call('GET', 'another')", "0"}, administrator, "ACL");
  check_provoked(client, {"EVAL", "error(redis.pcall('SET', KEYS[1], 'value').err)", "1", "key"}, administrator, "ACL");
}
