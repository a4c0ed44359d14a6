#include "store/record_book.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace mxwarden;
using namespace std::chrono_literals;
using store::Ban;
using store::Record;
using store::RecordBook;
using store::RecordKind;

namespace {

Prefix net(const std::string& text) {
  return Prefix::parse(text).value();
}

struct Shelf {
  Record ban(const std::string& of, const std::string& reason = "", Duration length = 1h) const {
    return {.net = net(of), .until = clock.wall_now() + length, .what = Ban{.rule = "harvest", .reason = reason}};
  }
  void put(const std::string& of, const std::string& reason = "", Duration length = 1h) {
    book.put(ban(of, reason, length), clock.now());
  }
  RecordBook::Entry find(const std::string& client) const {
    return book.find(RecordKind::ban, Address::parse(client).value(), clock.now());
  }
  // What followers hear, in words.
  std::shared_ptr<void> follow() {
    return book.follow([this](RecordKind kind, const Prefix& of, const RecordBook::Entry& record) {
      heard.push_back(std::string(record ? "+" : "-") + std::string(to_string(kind)) + " " + of.to_string());
    });
  }
  void pass(Duration time) {
    clock.advance(time);
    book.tick(clock.now(), clock.wall_now());
  }

  ManualClock clock;
  RecordBook book{clock.now(), clock.wall_now()};
  std::vector<std::string> heard;
};

}  // namespace

TEST_CASE("an entry stays as it was, whatever becomes of the book") {
  RecordBook::Entry entry;
  {
    Shelf shelf;
    shelf.put("192.0.2.1", "first");
    entry = shelf.find("192.0.2.1");
    shelf.put("192.0.2.1", "second");
  }
  REQUIRE(entry != nullptr);
  CHECK(std::get<Ban>(entry->what).reason == "first");
}

TEST_CASE("what is over is not found, and leaves a thousand a tick") {
  Shelf shelf;
  for (int i = 0; i < 2500; ++i) {
    shelf.put("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), "", 1s);
  }
  shelf.put("192.0.2.1");
  shelf.clock.advance(1s);
  CHECK(shelf.find("10.0.0.1") == nullptr);
  CHECK(shelf.book.list(RecordKind::ban, nullptr, 5, shelf.clock.now()).size() == 1);
  for (const std::size_t left : {1501, 501, 1, 1}) {
    shelf.pass(0s);
    CHECK(shelf.book.size(RecordKind::ban) == left);
  }
  CHECK(shelf.find("192.0.2.1") != nullptr);
}

TEST_CASE("a wall clock that is set ends records, or does not, from the next tick on") {
  Shelf shelf;
  shelf.put("192.0.2.1", "", 1h);
  const auto now = shelf.clock.now();
  const auto wall_now = shelf.clock.wall_now();
  CHECK(shelf.book.wall(now) == wall_now);
  shelf.book.tick(now, wall_now - 24h);
  CHECK(shelf.book.find_net(RecordKind::ban, net("192.0.2.1"), now + 2h) != nullptr);
  shelf.book.tick(now, wall_now + 59min);
  CHECK(shelf.book.find_net(RecordKind::ban, net("192.0.2.1"), now) != nullptr);
  CHECK(shelf.book.find_net(RecordKind::ban, net("192.0.2.1"), now + 1min) == nullptr);
  shelf.book.tick(now, wall_now + 1h);
  CHECK(shelf.book.size(RecordKind::ban) == 0);
}

TEST_CASE("a length of prefix is looked for as long as there is one of it") {
  Shelf shelf;
  shelf.put("192.0.2.0/24", "outer");
  shelf.put("192.0.2.0/25", "inner");
  shelf.put("198.51.100.0/25", "inner");
  shelf.put("192.0.2.0/25", "inner again");
  CHECK(shelf.book.erase(RecordKind::ban, net("198.51.100.0/25")));
  CHECK(std::get<Ban>(shelf.find("192.0.2.1")->what).reason == "inner again");
  CHECK(shelf.book.erase(RecordKind::ban, net("192.0.2.0/25")));
  CHECK_FALSE(shelf.book.erase(RecordKind::ban, net("192.0.2.0/25")));
  CHECK(std::get<Ban>(shelf.find("192.0.2.1")->what).reason == "outer");
}

TEST_CASE("a follower may follow, stop itself, and stop others that were to hear next") {
  Shelf shelf;
  std::vector<std::string> heard;
  const auto say = [&](const std::string& name) {
    return [&heard, name](RecordKind, const Prefix&, const RecordBook::Entry&) { heard.push_back(name); };
  };
  std::shared_ptr<void> first;
  std::shared_ptr<void> second;
  std::shared_ptr<void> third;
  std::shared_ptr<void> late;
  first = shelf.book.follow([&](RecordKind, const Prefix&, const RecordBook::Entry&) {
    heard.push_back("first");
    second.reset();
    first.reset();
    late = shelf.book.follow(say("late"));
  });
  second = shelf.book.follow(say("second"));
  third = shelf.book.follow(say("third"));
  shelf.put("192.0.2.1");
  // Whether one that has just come hears of the change it came in is its own affair: it finds it in the book.
  std::erase(heard, "late");
  CHECK(heard == std::vector<std::string>{"first", "third"});
  heard.clear();
  shelf.put("192.0.2.2");
  CHECK(heard == std::vector<std::string>{"third", "late"});
}

TEST_CASE("a follower finds in the book what it hears of") {
  Shelf shelf;
  std::vector<bool> found;
  const auto follower = shelf.book.follow([&](RecordKind kind, const Prefix& of, const RecordBook::Entry& record) {
    found.push_back(shelf.book.find_net(kind, of, shelf.clock.now()) == record);
  });
  shelf.put("192.0.2.1");
  shelf.put("192.0.2.1", "second");
  shelf.book.erase(RecordKind::ban, net("192.0.2.1"));
  CHECK(found == std::vector<bool>{true, true, true});
}
