#include "store/flood_table.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace mxwarden;
using namespace mxwarden::store;
using namespace std::chrono_literals;

namespace {

struct Body {
  std::uint16_t heaviness;
  std::uint16_t weight() const { return heaviness; }
};

using Table = FloodTable<Body>;

constexpr Instant start{24h};

Key key(std::uint64_t number) {
  return {number * 0x9e3779b97f4a7c15U, number * 0xc2b2ae3d27d4eb4fU};
}

void add(Table& table, std::uint64_t number, std::uint16_t weight, Duration life, Instant now = start) {
  const auto inserted = table.insert(key(number), now);
  REQUIRE(inserted.entry != nullptr);
  inserted.entry->body.heaviness = weight;
  table.keep_until(*inserted.entry, now + life);
}

}  // namespace

TEST_CASE("an inserted entry is found until it ends") {
  Table table(8, 1);
  CHECK(table.find(key(1), start) == nullptr);
  add(table, 1, 3, 10s);
  REQUIRE(table.find(key(1), start) != nullptr);
  CHECK(table.find(key(1), start + 10s)->body.weight() == 3);
  CHECK(table.find(key(1), start + 11s) == nullptr);
}

TEST_CASE("an entry that ended begins anew, all zero") {
  Table table(8, 1);
  add(table, 1, 3, 10s);
  const auto again = table.insert(key(1), start + 20s);
  CHECK(again.fresh);
  CHECK(again.entry->body.weight() == 0);
  CHECK(table.size() == 1);
  CHECK_FALSE(table.insert(key(1), start + 20s).fresh);
}

TEST_CASE("two keys of the same place and tag are two entries") {
  Table table(8, 1);
  const Key one{5, 1};
  const Key other{5, 2};
  table.insert(one, start).entry->body.heaviness = 1;
  table.insert(other, start).entry->body.heaviness = 2;
  CHECK(table.find(one, start)->body.weight() == 1);
  CHECK(table.find(other, start)->body.weight() == 2);
}

TEST_CASE("entries that ended give their room back without anybody asking for them") {
  Table table(1000, 1);
  for (std::uint64_t i = 0; i < 1000; ++i) add(table, i, 1, 10s);
  CHECK(table.size() == 1000);
  for (int second = 0; second < 70; ++second) table.sweep(start + 20s);
  CHECK(table.size() == 0);
  for (std::uint64_t i = 2000; i < 3000; ++i) add(table, i, 1, 10s, start + 20s);
  CHECK(table.evicted() == 0);
}

TEST_CASE("insertions alone take ended entries back") {
  Table table(100, 1);
  for (std::uint64_t i = 0; i < 100; ++i) add(table, i, 1, 10s);
  for (std::uint64_t i = 1000; i < 1100; ++i) add(table, i, 1, 10s, start + 20s);
  CHECK(table.evicted() == 0);
  CHECK(table.turned_away() == 0);
}

TEST_CASE("a full table marks a key at its first insertion and takes it at its second") {
  Table table(8, 1);
  for (std::uint64_t i = 0; i < 8; ++i) add(table, i, 1, 10s);
  CHECK(table.insert(key(100), start).entry == nullptr);
  CHECK(table.turned_away() == 1);
  CHECK(table.find(key(100), start) == nullptr);
  CHECK(table.insert(key(100), start).entry != nullptr);
  CHECK(table.evicted() == 1);
  CHECK(table.size() == 8);
}

// A table of two: eight samples see both but once in 256 times, and the seed is fixed.
TEST_CASE("the entry that gives way is an ended one, else the lightest, else the one that ends first") {
  struct Row {
    const char* label;
    std::uint16_t stays_weight;
    Duration stays;
    std::uint16_t gives_way_weight;
    Duration gives_way;
  };
  const Row rows[] = {
      {"ended, though heavier", 1, 100s, 9, 5s},
      {"lighter, though it ends later", 2, 50s, 1, 100s},
      {"as light, and ends sooner", 1, 100s, 1, 50s},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    Table table(2, 1);
    add(table, 1, row.stays_weight, row.stays);
    add(table, 2, row.gives_way_weight, row.gives_way);
    table.evict(start + 10s, nullptr);
    CHECK(table.find(key(1), start) != nullptr);
    CHECK(table.find(key(2), start) == nullptr);
    CHECK(table.size() == 1);
  }
}

TEST_CASE("a spared entry does not give way") {
  Table table(2, 1);
  add(table, 1, 1, 10s);
  add(table, 2, 9, 10s);
  table.evict(start, table.find(key(1), start));
  CHECK(table.find(key(1), start) != nullptr);
  CHECK(table.find(key(2), start) == nullptr);
}

TEST_CASE("a body is told before its memory is used again, and at the end") {
  int forgotten = 0;
  {
    Table table(4, 1, [&](Body& body) { forgotten += body.weight(); });
    for (std::uint64_t i = 0; i < 4; ++i) add(table, i, 1, 10s);
    table.evict(start, nullptr);
    CHECK(forgotten == 1);
  }
  CHECK(forgotten == 4);
}

TEST_CASE("a pointer kept over an eviction knows that it is another's") {
  Table table(1, 1);
  add(table, 1, 1, 10s);
  Table::Entry* entry = table.find(key(1), start);
  CHECK(entry->is(key(1)));
  table.insert(key(2), start);
  table.insert(key(2), start);
  CHECK_FALSE(entry->is(key(1)));
  CHECK(entry->is(key(2)));
}
