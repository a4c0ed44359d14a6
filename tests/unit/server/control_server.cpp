#include "server/control_server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "unit/server/control_rig.hpp"
#include "unit/server/wire.hpp"

namespace mxwarden::server {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view reload = "{\"op\":\"reload\"}\n";
constexpr std::string_view first_ok = "{\"ok\":true,\"proto\":1}\n";
constexpr std::string_view ok = "{\"ok\":true}\n";
constexpr std::string_view follow = "{\"op\":\"decisions.follow\"}\n";

struct ServerRig : ControlRig {
  explicit ServerRig(ControlServer::Patience patience = {}) : server(context, operations, patience) {}

  Wire connect() {
    auto [wire, socket] = connected_pair();
    server.open(std::move(socket));
    return std::move(wire);
  }
  void poll() {
    context.restart();
    context.poll();
  }
  // So many refusals, of one client.
  void decide(int count = 1) {
    policy::Request request;
    request[Attribute::client_address] = "192.0.2.7";
    policy::Decision decision;
    decision.verdict.emplace();
    decision.verdict->action = "421 4.7.0 Too many";
    for (; count > 0; --count) decisions.decided(request, decision, 1us);
    poll();
  }
  std::string ask(Wire& wire, std::string_view lines) {
    wire.write(lines);
    poll();
    return wire.read();
  }

  boost::asio::io_context context{1};
  ControlServer server;
};

std::string add(std::string_view net) {
  return R"({"op":"records.add","kind":"ban","for_ms":1000,"reason":"r","net":")" + std::string(net) + "\"}\n";
}

}  // namespace

TEST_CASE("each line has its answer, and only the first says which protocol this is") {
  ServerRig rig;
  auto wire = rig.connect();
  CHECK(rig.ask(wire, reload) == first_ok);
  CHECK(rig.ask(wire, reload) == ok);
  CHECK(rig.ask(wire, "\n").starts_with("{\"ok\":false,\"error\":\"a request is one JSON object a line"));
  CHECK(rig.ask(wire, "{\"op\":\"reload\"}\r\n") == ok);
  CHECK_FALSE(wire.closed());
}

TEST_CASE("several lines at once are answered in their order") {
  ServerRig rig;
  auto wire = rig.connect();
  const auto answers = rig.ask(wire, std::string(reload) + "{\"op\":\"other\"}\n" + std::string(reload));
  CHECK(answers.starts_with(std::string(first_ok) + "{\"ok\":false"));
  CHECK(answers.ends_with("}\n" + std::string(ok)));
  CHECK(std::ranges::count(answers, '\n') == 3);
}

TEST_CASE("a line may come in pieces, and a piece of the next with it") {
  ServerRig rig;
  auto wire = rig.connect();
  CHECK(rig.ask(wire, "{\"op\":") == "");
  CHECK(rig.ask(wire, "\"reload\"}\n{\"op\"") == first_ok);
  CHECK(rig.ask(wire, ":\"reload\"}") == "");
  CHECK(rig.ask(wire, "\n") == ok);
}

TEST_CASE("an answer that comes later holds the next request of its connection, and no other") {
  ServerRig rig;
  rig.records.finishes_later = true;
  auto one = rig.connect();
  auto other = rig.connect();
  CHECK(rig.ask(one, add("198.51.100.1") + std::string(reload)) == "");
  CHECK(rig.ask(other, reload) == first_ok);
  CHECK(rig.ask(one, add("198.51.100.2")) == "");
  CHECK(rig.records.waiting() == 1);
  rig.records.finish_one();
  rig.poll();
  const auto answers = one.read();
  CHECK(answers.find("198.51.100.1") != std::string::npos);
  CHECK(answers.ends_with("}\n" + std::string(ok)));
  CHECK(rig.records.waiting() == 1);
  rig.records.finish_one();
  rig.poll();
  CHECK(one.read().find("198.51.100.2") != std::string::npos);
}

TEST_CASE("an answer for somebody who has gone, or after the server, goes nowhere") {
  auto rig = std::make_unique<ServerRig>();
  rig->records.finishes_later = true;
  auto wire = rig->connect();
  rig->ask(wire, add("198.51.100.1"));
  auto other = rig->connect();
  rig->ask(other, add("198.51.100.2"));
  wire.close();
  rig->poll();
  rig->records.finish_one();
  rig->poll();
  CHECK(rig->server.size() == 1);
  rig->server.close_all();
  rig->records.finish_one();
  rig->poll();
  CHECK(other.closed());
  CHECK(rig->records.book().size(store::RecordKind::ban) == 2);
}

TEST_CASE("who says that no more is coming is answered before the end") {
  ServerRig rig;
  auto wire = rig.connect();
  wire.write(std::string(reload) + std::string(reload) + "{\"op\":\"rel");
  REQUIRE(::shutdown(wire.fd(), SHUT_WR) == 0);
  rig.poll();
  CHECK(wire.read() == std::string(first_ok) + std::string(ok));
  CHECK(wire.closed());
  CHECK(rig.server.size() == 0);
}

TEST_CASE("the longest line is answered, one byte more is told so and closed") {
  ServerRig rig;
  const auto padded = [](std::size_t size) {
    std::string line = "{\"op\":\"reload\"}";
    line.insert(line.size() - 1, size - line.size() - 1, ' ');
    return line + "\n";
  };
  auto wire = rig.connect();
  CHECK(rig.ask(wire, padded(ControlServer::longest_line)) == first_ok);
  const auto too_long = rig.ask(wire, padded(ControlServer::longest_line + 1) + std::string(reload));
  CHECK(too_long == "{\"ok\":false,\"error\":\"a line may have 65536 bytes; the connection is closed\"}\n");
  CHECK(wire.closed());
  auto endless = rig.connect();
  CHECK(rig.ask(endless, std::string(ControlServer::longest_line + 1, 'x'))
            .starts_with("{\"ok\":false,\"proto\":1,\"error\":\"a line may"));
  CHECK(endless.closed());
}

TEST_CASE("one connection too many is told so, those that are there are unharmed") {
  ServerRig rig;
  std::vector<Wire> open;
  for (std::size_t count = 0; count < ControlServer::most_connections; ++count) open.push_back(rig.connect());
  auto one_more = rig.connect();
  CHECK(one_more.read() ==
        "{\"ok\":false,\"proto\":1,\"error\":\"64 control connections are open, as many as may be\"}\n");
  CHECK(one_more.closed());
  CHECK(rig.ask(open[0], reload) == first_ok);
  open.pop_back();
  rig.poll();
  auto next = rig.connect();
  CHECK(rig.ask(next, reload) == first_ok);
}

TEST_CASE("while an answer is not taken nothing more is read") {
  ServerRig rig;
  for (int at = 0; at < 700; ++at) {
    rig.answer(R"({"op":"records.add","kind":"ban","for_ms":1000,"reason":")" + std::string(200, 'r') +
               R"(","net":"10.0.)" + std::to_string(at / 256) + "." + std::to_string(at % 256) + "\"}");
  }
  auto wire = rig.connect();
  const int small = 4096;
  REQUIRE(::setsockopt(wire.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  const std::string list = "{\"op\":\"records.list\",\"kind\":\"ban\"}\n";
  int sent = 0;
  while (sent < 100'000 && ::send(wire.fd(), list.data(), list.size(), MSG_DONTWAIT) > 0) {
    rig.poll();
    ++sent;
  }
  CHECK(sent < 10'000);
  // And all that was sent is answered once they are.
  long answers = 0;
  for (int round = 0; round < 100'000 && answers < sent; ++round) {
    answers += std::ranges::count(wire.read(), '\n');
    rig.poll();
  }
  CHECK(answers == sent);
}

TEST_CASE("who is silent, begins a line or does not take an answer is given up after a time") {
  struct Row {
    const char* label;
    const char* sends;
    ControlServer::Patience patience;
  };
  for (const auto& row : {Row{"silent", "", {.with_line = 1h, .with_silence = 1ms}},
                          Row{"half a line", "{\"op\"", {.with_line = 1ms, .with_silence = 1h}},
                          Row{"silent later", "{\"op\":\"reload\"}\n", {.with_line = 1h, .with_silence = 1ms}}}) {
    CAPTURE(row.label);
    ServerRig rig(row.patience);
    auto wire = rig.connect();
    wire.write(row.sends);
    rig.context.restart();
    rig.context.run();
    CHECK(wire.closed());
    CHECK(rig.server.size() == 0);
  }
}

TEST_CASE("a line that comes byte by byte has no more time than another") {
  ServerRig rig({.with_line = 20ms, .with_silence = 1h});
  auto wire = rig.connect();
  int bytes = 0;
  for (; bytes < 1'000'000 && rig.server.size() == 1; ++bytes) {
    if (::send(wire.fd(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1) break;
    rig.poll();
  }
  CHECK(rig.server.size() == 0);
  CHECK(wire.read().find("a line may have") == std::string::npos);
}

TEST_CASE("a stream goes on after its answer, for each who follows") {
  ServerRig rig;
  auto one = rig.connect();
  auto other = rig.connect();
  CHECK(rig.ask(one, reload) == first_ok);
  CHECK(rig.ask(one, follow) == ok);
  CHECK(rig.ask(other, follow) == first_ok);
  for (int round = 0; round < 3; ++round) {
    rig.decide(2);
    const auto lines = one.read();
    CHECK(std::ranges::count(lines, '\n') == 2);
    CHECK(lines == other.read());
  }
  one.close();
  rig.poll();
  CHECK(rig.server.size() == 1);
  rig.decide();
  CHECK(std::ranges::count(other.read(), '\n') == 1);
}

TEST_CASE("who follows and closes, or sends no more, is gone at once, also while it does not read") {
  for (const auto how : {SHUT_WR, SHUT_RDWR}) {
    for (const auto unread : {0, 5000}) {
      ServerRig rig;
      auto wire = rig.connect();
      rig.ask(wire, follow);
      rig.decide(unread);
      CHECK(rig.server.size() == 1);
      REQUIRE(::shutdown(wire.fd(), how) == 0);
      rig.poll();
      CHECK(rig.server.size() == 0);
      CHECK_FALSE(rig.decisions.followed());
    }
  }
  ServerRig rig;
  auto wire = rig.connect();
  wire.write(follow);
  REQUIRE(::shutdown(wire.fd(), SHUT_WR) == 0);
  rig.poll();
  CHECK(wire.read() == first_ok);
  CHECK(wire.closed());
}

TEST_CASE("nothing else can be asked while a stream runs") {
  constexpr std::string_view told =
      "{\"ok\":false,\"error\":\"nothing else can be asked while a stream runs; the connection is closed\"}\n";
  ServerRig rig;
  auto at_once = rig.connect();
  CHECK(rig.ask(at_once, std::string(follow) + std::string(reload)) == std::string(first_ok) + std::string(told));
  CHECK(at_once.closed());
  auto later = rig.connect();
  CHECK(rig.ask(later, follow) == first_ok);
  CHECK(rig.ask(later, reload) == told);
  CHECK(later.closed());
  // Behind what is on its way, and a half line is never sent.
  auto unread = rig.connect();
  rig.ask(unread, follow);
  rig.decide(5000);
  unread.write(reload);
  std::string all;
  for (int round = 0; round < 1000 && rig.server.size() > 0; ++round) {
    rig.poll();
    all += unread.read();
  }
  CHECK(rig.server.size() == 0);
  CHECK(all.ends_with("}\n" + std::string(told)));
  CHECK_FALSE(rig.decisions.followed());
}

TEST_CASE("who does not read holds nobody up, and is told how much it missed") {
  ServerRig rig;
  auto slow = rig.connect();
  auto quick = rig.connect();
  rig.ask(slow, follow);
  rig.ask(quick, follow);
  constexpr long rounds = 200;
  constexpr long each = 100;
  long seen = 0;
  for (int round = 0; round < rounds; ++round) {
    rig.decide(each);
    seen += std::ranges::count(quick.read(), '\n');
  }
  CHECK(seen == rounds * each);
  std::string all;
  for (int round = 0; round < 1000; ++round) {
    all += slow.read();
    rig.poll();
  }
  const auto lost_at = all.find("{\"lost\":");
  REQUIRE(lost_at != std::string::npos);
  const auto lost = std::stol(all.substr(lost_at + 8));
  const auto got = std::ranges::count(all, '\n') - 1;
  CHECK(got + lost == rounds * each);
  CHECK(all.find("lost", lost_at + 8) == std::string::npos);
  // What fits into a socket, what was on its way and what waited.
  CHECK(got < 5000);
  rig.decide();
  CHECK(std::ranges::count(slow.read(), '\n') == 1);
}

TEST_CASE("a stream does not end by time, neither when it has nothing to say nor when nobody reads") {
  ServerRig rig({.with_line = 1ms, .with_silence = 50ms});
  auto wire = rig.connect();
  auto unread = rig.connect();
  rig.ask(wire, follow);
  rig.ask(unread, follow);
  rig.decide(5000);
  wire.read();
  // A third one is given up in the meantime.
  auto silent = rig.connect();
  while (rig.server.size() == 3) rig.context.run_one();
  CHECK(silent.closed());
  rig.poll();
  CHECK(rig.server.size() == 2);
}

TEST_CASE("streams end with the server") {
  auto rig = std::make_unique<ServerRig>();
  auto wire = rig->connect();
  auto unread = rig->connect();
  rig->ask(wire, follow);
  rig->ask(unread, follow);
  rig->decide(5000);
  rig->server.close_all();
  CHECK_FALSE(rig->decisions.followed());
  rig->decide();
  wire.read();
  CHECK(wire.closed());
  rig.reset();
}

TEST_CASE("bans are followed to the end of a long snapshot, and one that has missed something is closed") {
  ServerRig rig;
  const auto ban = [&](std::size_t number) {
    const std::array<unsigned char, 4> bytes{10, static_cast<unsigned char>(number >> 16U),
                                             static_cast<unsigned char>(number >> 8U & 255U),
                                             static_cast<unsigned char>(number & 255U)};
    const auto address = Address::from_bytes(Address::Family::ipv4, bytes.data());
    rig.records.book().put({Prefix(address, 32), rig.clock.wall_now() + 1h, store::Ban{"operator", "r", 1}},
                           rig.clock.now());
  };
  constexpr std::size_t many = 20'000;
  for (std::size_t number = 0; number < many; ++number) ban(number);
  auto wire = rig.connect();
  auto lines = rig.ask(wire, "{\"op\":\"bans.follow\"}\n");
  for (int round = 0; round < 1000 && lines.find("\"end\"") == std::string::npos; ++round) {
    rig.poll();
    lines += wire.read();
  }
  CHECK(lines.ends_with("{\"snapshot\":\"end\"}\n"));
  CHECK(std::ranges::count(lines, '\n') == many + 3);
  ban(many);
  rig.clock.advance(5s);
  rig.server.tick();
  rig.poll();
  lines = wire.read();
  CHECK(lines.find("{\"heartbeat\":") == 0);
  CHECK(lines.ends_with("{\"add\":{\"net\":\"10.0.78.32\",\"left_ms\":3595000}}\n"));
  for (std::size_t number = 0; number <= 10'000; ++number) ban(many + 1 + number);
  rig.poll();
  CHECK(wire.closed());
  CHECK(rig.server.size() == 0);
}

}  // namespace mxwarden::server
