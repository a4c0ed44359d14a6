#include "store/redis_wire.hpp"

#include <doctest/doctest.h>

#include "support/redis_server.hpp"

using namespace mxwarden;
using namespace std::string_literals;
using namespace std::string_view_literals;
using store::RedisReader;
using store::RedisReply;
using Kind = RedisReply::Kind;

namespace {

std::string command(std::initializer_list<std::string_view> arguments) {
  std::string bytes;
  store::append_command(bytes, arguments);
  return bytes;
}

// The next reply, which must be there.
RedisReply next(RedisReader& reader) {
  const auto reply = reader.next();
  REQUIRE(reply.has_value());
  REQUIRE(reply->has_value());
  return **reply;
}

bool needs_more(RedisReader& reader) {
  const auto reply = reader.next();
  return reply.has_value() && !reply->has_value();
}

}  // namespace

TEST_CASE("a command is its arguments with their sizes, whatever bytes they hold") {
  CHECK(command({"PING"}) == "*1\r\n$4\r\nPING\r\n");
  CHECK(command({"SET", "", "\r\n\0$"sv}) == "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n\r\n\0$\r\n"s);
  std::string bytes = command({"PING"});
  store::append_command(bytes, {"PING"});
  CHECK(bytes == command({"PING"}) + command({"PING"}));
  const std::string large(100'000, 'x');
  CHECK(command({large}) == "*1\r\n$100000\r\n" + large + "\r\n");
}

TEST_CASE("each kind of reply is read, and answers only for what it is") {
  RedisReader reader;
  reader.feed("+OK\r\n-ERR no\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n*-1\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n");
  const RedisReply status = next(reader);
  CHECK(status.kind() == Kind::status);
  CHECK(status.text() == "OK");
  CHECK(status.integer() == 0);
  CHECK(status.size() == 0);
  const RedisReply error = next(reader);
  CHECK(error.is_error());
  CHECK(error.text() == "ERR no");
  const RedisReply integer = next(reader);
  CHECK(integer.kind() == Kind::integer);
  CHECK(integer.integer() == -7);
  CHECK(integer.text().empty());
  const RedisReply text = next(reader);
  CHECK(text.kind() == Kind::text);
  CHECK(text.text() == "a\r\nb");
  CHECK(next(reader).kind() == Kind::nil);
  CHECK(next(reader).kind() == Kind::nil);
  const RedisReply array = next(reader);
  CHECK(array.kind() == Kind::array);
  REQUIRE(array.size() == 2);
  CHECK(array[0].integer() == 1);
  REQUIRE(array[1].size() == 1);
  CHECK(array[1][0].kind() == Kind::text);
  CHECK(array[1][0].text().empty());
  CHECK(needs_more(reader));
}

TEST_CASE("replies are whole however the bytes are split") {
  const std::string_view bytes = "*3\r\n:9223372036854775807\r\n$3\r\nabc\r\n-NO\r\n+next\r\n";
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    CAPTURE(first);
    RedisReader reader;
    reader.feed(bytes.substr(0, first));
    auto early = reader.next();
    REQUIRE(early.has_value());
    const bool came_early = early->has_value();
    reader.feed(bytes.substr(first));
    if (!came_early) {
      const RedisReply reply = next(reader);
      REQUIRE(reply.size() == 3);
      CHECK(reply[0].integer() == 9223372036854775807);
      CHECK(reply[1].text() == "abc");
      CHECK(reply[2].is_error());
    }
    CHECK(next(reader).text() == "next");
    CHECK(needs_more(reader));
  }
}

TEST_CASE("a stream that is no RESP2 is lost, and stays so") {
  for (const std::string_view bytes : {"HTTP/1.1 400 Bad Request\r\n", "$x\r\n", "*2\r\n:1\r\n?\r\n", "\r\n"}) {
    CAPTURE(bytes);
    RedisReader reader;
    reader.feed(bytes);
    const auto reply = reader.next();
    REQUIRE_FALSE(reply.has_value());
    CHECK(reply.error().message.find("no RESP2: ") != std::string::npos);
    reader.feed("+OK\r\n");
    CHECK_FALSE(reader.next().has_value());
  }
}

TEST_CASE("a reader that is moved goes on where it was") {
  RedisReader reader;
  reader.feed("$5\r\nhal");
  CHECK(needs_more(reader));
  RedisReader other = std::move(reader);
  other.feed("lo\r\n");
  CHECK(next(other).text() == "hallo");
}

TEST_CASE("a Redis server understands the commands, and is understood") {
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  const std::string_view value = "\r\n\0%}"sv;
  CHECK(client.command({"SET", "a key", value}).text() == "OK");
  CHECK(client.command({"GET", "a key"}).text() == value);
  CHECK(client.command({"GET", "another"}).kind() == Kind::nil);
  CHECK(client.command({"INCR", "a key"}).is_error());
  CHECK(client.command({"DEL", "a key"}).integer() == 1);
  CHECK(client.command({"TIME"}).size() == 2);
}

TEST_CASE("a Redis server that was killed comes back empty") {
  tests::RedisServer server({"maxmemory 100mb"});
  CHECK(server.client().command({"SET", "a key", "1"}).text() == "OK");
  server.suspend();
  server.resume();
  CHECK(server.client().command({"GET", "a key"}).text() == "1");
  server.kill();
  CHECK_FALSE(tests::RedisClient::try_connect(server.socket_path()).has_value());
  server.start();
  tests::RedisClient client = server.client();
  CHECK(client.command({"GET", "a key"}).kind() == Kind::nil);
  CHECK(client.command({"CONFIG", "GET", "maxmemory"})[1].text() == "104857600");
  server.stop();
  CHECK_FALSE(tests::RedisClient::try_connect(server.socket_path()).has_value());
}
