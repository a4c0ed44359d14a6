#include "server/control_bans.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "unit/server/control_rig.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

Prefix net(std::string_view text) {
  return Prefix::parse(text).value();
}

std::string numbered(std::size_t number) {
  return fmt::format("10.{}.{}.{}", number >> 16U, number >> 8U & 255U, number & 255U);
}

std::int64_t epoch_of(const std::string& lines) {
  return json::parse(lines.substr(0, lines.find('\n'))).at("epoch").as_int64();
}

// One who follows, as its connection would, and what it believes.
struct Follower : ControlRig {
  void follow() {
    std::string answer;
    stream = operations.answer(R"({"op":"bans.follow"})", {.uid = 0}, false,
                               [&](std::string line) { answer = std::move(line); });
    CHECK(answer == R"({"ok":true})");
    REQUIRE(stream);
    stream->start([this] { ++news; });
  }
  void ban(std::string_view text, Duration lasts = 1h, const store::Ban& what = {"harvest", "r", 1, {}}) {
    records.book().put({net(text), clock.wall_now() + std::chrono::duration_cast<WallTime::duration>(lasts), what},
                       clock.now());
  }
  void pardon(std::string_view text) { records.book().erase(store::RecordKind::ban, net(text)); }
  void tick(Duration passes = 1s) {
    clock.advance(passes);
    records.tick();
    stream->tick();
  }
  // Of one take().
  std::string take() {
    std::string lines;
    CHECK(stream->take(lines));
    believe(lines);
    return lines;
  }
  // All there is to take.
  std::string take_all() {
    std::string all;
    for (auto lines = take(); !lines.empty(); lines = take()) all += lines;
    return all;
  }

  std::unique_ptr<ControlStream> stream;
  int news = 0;
  std::set<std::string> bans;

 private:
  // As the firewall would.
  void believe(std::string_view lines) {
    while (!lines.empty()) {
      const auto end = lines.find('\n');
      const auto line = json::parse(lines.substr(0, end)).as_object();
      lines.remove_prefix(end + 1);
      const auto text = [](const json::value& value) { return std::string(value.as_string()); };
      if (line.contains("net")) listed_.insert(text(line.at("net")));
      if (line.contains("net")) bans.insert(text(line.at("net")));
      if (line.contains("add")) bans.insert(text(line.at("add").at("net")));
      if (line.contains("add")) listed_.insert(text(line.at("add").at("net")));
      if (line.contains("remove")) bans.erase(text(line.at("remove")));
      if (!line.contains("snapshot")) continue;
      if (line.at("snapshot") == "end") std::erase_if(bans, [&](const auto& ban) { return !listed_.contains(ban); });
      listed_.clear();
    }
  }

  std::set<std::string> listed_;
};

}  // namespace

TEST_CASE("all bans are told, then each that comes, changes or goes") {
  Follower rig;
  rig.ban("192.0.2.0/24", 90s);
  rig.ban("2001:db8::/64", 1h);
  rig.answer(R"({"op":"records.add","kind":"listing","net":"198.51.100.1","list":"l","reason":"r"})");
  rig.follow();
  const auto epoch = milliseconds_since_1970(rig.clock.wall_now());
  CHECK(rig.take_all() == fmt::format("{{\"snapshot\":\"begin\",\"epoch\":{}}}\n"
                                      "{{\"net\":\"2001:db8::/64\",\"left_ms\":3600000}}\n"
                                      "{{\"net\":\"192.0.2.0/24\",\"left_ms\":90000}}\n"
                                      "{{\"snapshot\":\"end\"}}\n",
                                      epoch));
  CHECK(rig.news == 0);
  rig.ban("198.51.100.7", 1500us);
  CHECK(rig.news == 1);
  CHECK(rig.take_all() == "{\"add\":{\"net\":\"198.51.100.7\",\"left_ms\":2}}\n");
  rig.ban("192.0.2.0/24", 2h);
  CHECK(rig.take_all() == "{\"add\":{\"net\":\"192.0.2.0/24\",\"left_ms\":7200000}}\n");
  rig.pardon("192.0.2.0/24");
  CHECK(rig.take_all() == "{\"remove\":\"192.0.2.0/24\"}\n");
  rig.tick();
  CHECK(rig.take_all() == "{\"remove\":\"198.51.100.7\"}\n");
  rig.answer(R"({"op":"records.add","kind":"listing","net":"198.51.100.2","list":"l","reason":"r"})");
  CHECK(rig.take_all() == "");
  CHECK(rig.bans == std::set<std::string>{"2001:db8::/64"});
}

TEST_CASE("a ban that is known to have begun is told with its whole length") {
  Follower rig;
  const auto now = rig.clock.wall_now();
  rig.ban("192.0.2.1", 1h, {"harvest", "r", 1, now - 2h});
  rig.ban("192.0.2.2", 1h, {"harvest", "r", 1, now + 1min});  // by a clock that is ahead of ours
  rig.ban("192.0.2.3", 1h, {"harvest", "r", 1, WallTime::min()});
  rig.follow();
  const auto lines = rig.take_all();
  CHECK(lines.find("{\"net\":\"192.0.2.1\",\"left_ms\":3600000,\"length_ms\":10800000}\n"
                   "{\"net\":\"192.0.2.2\",\"left_ms\":3600000,\"length_ms\":3600000}\n"
                   "{\"net\":\"192.0.2.3\",\"left_ms\":3600000}\n") != std::string::npos);
  rig.ban("192.0.2.4", 90s, {"harvest", "r", 1, now});
  CHECK(rig.take_all() == "{\"add\":{\"net\":\"192.0.2.4\",\"left_ms\":90000,\"length_ms\":90000}}\n");
}

TEST_CASE("an operator's ban is told in the place of what there was, as it may end sooner") {
  Follower rig;
  rig.ban("192.0.2.1", 9h);
  rig.follow();
  rig.take_all();
  rig.ban("192.0.2.1", 1h, {"operator", "r", 2, rig.clock.wall_now()});
  CHECK(rig.take_all() ==
        "{\"remove\":\"192.0.2.1\"}\n"
        "{\"add\":{\"net\":\"192.0.2.1\",\"left_ms\":3600000,\"length_ms\":3600000}}\n");
}

TEST_CASE("a ban that was lifted and made anew before it was told does not keep its former end") {
  Follower rig;
  rig.ban("192.0.2.1", 9h);
  rig.follow();
  rig.take_all();
  rig.pardon("192.0.2.1");
  rig.ban("192.0.2.1", 1h);
  rig.ban("192.0.2.1", 2h);
  CHECK(rig.take_all() == "{\"remove\":\"192.0.2.1\"}\n{\"add\":{\"net\":\"192.0.2.1\",\"left_ms\":7200000}}\n");
  rig.ban("192.0.2.1", 3h);
  CHECK(rig.take_all() == "{\"add\":{\"net\":\"192.0.2.1\",\"left_ms\":10800000}}\n");
}

TEST_CASE("a heartbeat comes every five seconds, of the snapshot that the reader has") {
  Follower rig;
  rig.follow();
  const auto epoch = epoch_of(rig.take_all());
  for (int second = 1; second <= 11; ++second) {
    rig.tick();
    CHECK(rig.take_all() == (second % 5 == 0 ? fmt::format("{{\"heartbeat\":{}}}\n", epoch) : ""));
  }
}

TEST_CASE("a change is told as it is then, and each net once") {
  Follower rig;
  rig.follow();
  rig.take_all();
  for (int round = 0; round < 50'000; ++round) {
    rig.ban("192.0.2.7");
    rig.pardon("192.0.2.7");
  }
  rig.ban("192.0.2.8");
  CHECK(rig.take_all() == "{\"remove\":\"192.0.2.7\"}\n{\"add\":{\"net\":\"192.0.2.8\",\"left_ms\":3600000}}\n");
}

TEST_CASE("a snapshot comes page by page, and what changes in the meantime is right at its end") {
  Follower rig;
  constexpr std::size_t many = 3000;
  std::set<std::string> expected;
  for (std::size_t at = 0; at < many; ++at) rig.ban(numbered(2 * at));
  rig.follow();
  std::size_t pages = 0;
  std::string lines;
  do {
    lines = rig.take();
    ++pages;
    CHECK(std::ranges::count(lines, '\n') <= 1001);
    // Before and behind the page: some come, some go, some do both.
    for (std::size_t at = pages; at < 2 * many; at += 997) {
      rig.ban(numbered(at));
      rig.pardon(numbered(at + 1));
      rig.ban(numbered(at + 2));
      rig.pardon(numbered(at + 2));
    }
  } while (lines.find("\"end\"") == std::string::npos);
  CHECK(pages > many / 500);
  rig.take_all();
  for (const auto& record : rig.records.book().list(store::RecordKind::ban, nullptr, 2 * many, rig.clock.now())) {
    expected.insert(record->net.to_string());
  }
  CHECK(expected.size() > many / 2);
  CHECK(rig.bans == expected);
}

TEST_CASE("while bans may be missing no snapshot begins or ends, and a new one follows") {
  Follower rig;
  rig.records.away = true;
  rig.ban("192.0.2.7");
  rig.follow();
  CHECK(rig.take_all() == "");
  rig.ban("192.0.2.8");
  CHECK(rig.take_all() == "{\"add\":{\"net\":\"192.0.2.8\",\"left_ms\":3600000}}\n");
  rig.tick(5s);
  CHECK(rig.take_all() == "{\"heartbeat\":0}\n");
  rig.records.away = false;
  const auto news = rig.news;
  rig.tick();
  CHECK(rig.news == news + 1);
  CHECK(rig.take_all().ends_with("{\"snapshot\":\"end\"}\n"));
  CHECK(rig.bans == std::set<std::string>{"192.0.2.7", "192.0.2.8"});
  CHECK(rig.take_all() == "");

  // What went unheard while the others could not be heard leaves with the next.
  rig.records.away = true;
  rig.tick();
  CHECK(rig.take_all() == "");
  rig.records.away = false;
  rig.tick();
  CHECK(rig.take_all().starts_with("{\"snapshot\":\"begin\",\"epoch\":"));
}

TEST_CASE("a snapshot in which the others fell silent does not end, and takes nothing from the reader") {
  Follower rig;
  rig.ban("192.0.2.7");
  rig.follow();
  rig.take_all();
  for (std::size_t at = 0; at < 1500; ++at) rig.ban(numbered(at));
  rig.take_all();
  rig.records.away = true;
  rig.tick();
  rig.records.away = false;
  rig.tick();
  CHECK(rig.take().starts_with("{\"snapshot\":\"begin\""));
  rig.records.away = true;
  rig.tick();
  rig.pardon(numbered(1400));
  auto rest = rig.take_all();
  CHECK(rest.find("\"end\"") == std::string::npos);
  CHECK(rig.bans.contains("192.0.2.7"));
  CHECK_FALSE(rig.bans.contains(numbered(1400)));
  CHECK(rig.bans.size() == 1500);
  rig.records.away = false;
  rig.tick();
  CHECK(rig.take_all().ends_with("{\"snapshot\":\"end\"}\n"));
  CHECK(rig.bans.size() == 1500);
}

TEST_CASE("each snapshot is newer than the one before it, however quick they follow") {
  Follower rig;
  rig.follow();
  auto last = epoch_of(rig.take_all());
  for (int round = 0; round < 3; ++round) {
    for (const bool away : {true, false}) {
      rig.records.away = away;
      rig.tick(0s);
    }
    const auto next = epoch_of(rig.take_all());
    CHECK(next > last);
    last = next;
  }
}

TEST_CASE("with too many changes the stream ends, as the reader would miss some") {
  Follower rig;
  rig.follow();
  rig.take_all();
  for (std::size_t at = 0; at < 10'000; ++at) rig.ban(numbered(at));
  CHECK(rig.take_all().size() > 10'000);
  CHECK(rig.bans.size() == 10'000);
  for (std::size_t at = 0; at < 10'001; ++at) rig.ban(numbered(20'000 + at));
  std::string lines;
  CHECK_FALSE(rig.stream->take(lines));
  CHECK(lines == "");
}

TEST_CASE("nothing is followed once the stream is gone") {
  Follower rig;
  rig.follow();
  rig.stream = nullptr;
  rig.ban("192.0.2.7");
  CHECK(rig.news == 0);
  CHECK(rig.error(R"({"op":"bans.follow","kind":"ban"})").find("it may have op") != std::string::npos);
}

}  // namespace mxwarden::server
