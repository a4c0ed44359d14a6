#include "store/distinct_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "store/store.hpp"

using namespace mxwarden;
using namespace mxwarden::store;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{24h};

Key key(std::uint64_t number) {
  return {number * 0x9e3779b97f4a7c15U, number * 0xc2b2ae3d27d4eb4fU};
}

}  // namespace

TEST_CASE("members stand in the order of their last time") {
  DistinctTable table(1000, 1);
  table.record(key(1), 10, 60s, start);
  table.record(key(1), 20, 60s, start + 1s);
  table.record(key(1), 10, 60s, start + 2s);
  const auto members = table.find(key(1), start + 2s);
  REQUIRE(members.size() == 2);
  CHECK(members[0].hash == 20);
  CHECK(members[1].hash == 10);
  CHECK(members[1].seen == start + 2s);
}

TEST_CASE("members that left the longest window are forgotten at the next one") {
  DistinctTable table(1000, 1);
  table.record(key(1), 10, 60s, start);
  table.record(key(1), 20, 60s, start + 60s);
  const auto members = table.find(key(1), start + 60s);
  REQUIRE(members.size() == 1);
  CHECK(members[0].hash == 20);
}

TEST_CASE("a set holds its most, and the oldest leave") {
  DistinctTable table(100'000, 1);
  for (std::uint64_t i = 0; i < distinct_most + 5; ++i) table.record(key(1), i, 1h, start);
  const auto members = table.find(key(1), start);
  REQUIRE(members.size() == distinct_most);
  CHECK(members.front().hash == 5);
  CHECK(members.back().hash == distinct_most + 4);
}

TEST_CASE("time that goes back keeps the order") {
  DistinctTable table(1000, 1);
  table.record(key(1), 10, 60s, start);
  table.record(key(1), 20, 60s, start - 10s);
  const auto members = table.find(key(1), start);
  REQUIRE(members.size() == 2);
  CHECK(members[1].seen == start);
}

TEST_CASE("all sets together hold no more members than they may, and one set always finds room") {
  DistinctTable table(2000, 1);
  std::size_t most = 0;
  for (std::uint64_t set = 0; set < 50; ++set) {
    for (std::uint64_t i = 0; i < 400; ++i) table.record(key(set), i, 1h, start);
    most = std::max(most, table.members_room());
    CHECK(table.find(key(set), start).size() == 400);
  }
  CHECK(most <= 2000);
  CHECK(most > 1000);
  CHECK(table.evicted() > 0);
}

TEST_CASE("forgotten sets give the room of their members back") {
  DistinctTable table(1000, 1);
  for (std::uint64_t set = 0; set < 10; ++set) table.record(key(set), 1, 60s, start);
  CHECK(table.members_room() == 10);
  for (int second = 0; second < 70; ++second) table.sweep(start + 2min);
  CHECK(table.members_room() == 0);
  CHECK(table.sets() == 0);
}
