#include "store/doorkeeper.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace mxwarden;
using namespace mxwarden::store;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{24h};

}  // namespace

TEST_CASE("a key is known from its second time on") {
  Doorkeeper doorkeeper(1000);
  CHECK_FALSE(doorkeeper.knew_or_mark({1, 2}, start));
  CHECK(doorkeeper.knew_or_mark({1, 2}, start));
  CHECK_FALSE(doorkeeper.knew_or_mark({3, 4}, start));
}

TEST_CASE("a mark lasts one to two generations") {
  Doorkeeper doorkeeper(1000);
  struct Row {
    const char* label;
    Duration first;
    Duration again;
    bool known;
  };
  const Row rows[] = {
      {"within its generation", 0s, 59s, true},
      {"in the next one", 119s, 150s, true},
      {"after two", 200s, 330s, false},
      {"after a long silence", 1000s, 5000s, false},
  };
  std::uint64_t number = 0;
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    const Key key{++number, number};
    CHECK_FALSE(doorkeeper.knew_or_mark(key, start + row.first));
    CHECK(doorkeeper.knew_or_mark(key, start + row.again) == row.known);
  }
}

TEST_CASE("a full generation gives way early, and few strangers are taken for known") {
  Doorkeeper doorkeeper(1000);
  std::mt19937_64 random(4711);
  const Key first{random(), random()};
  doorkeeper.knew_or_mark(first, start);
  const auto strangers = static_cast<int>(doorkeeper.marks_most()) * 4;
  int known = 0;
  for (int i = 0; i < strangers; ++i) known += doorkeeper.knew_or_mark({random(), random()}, start) ? 1 : 0;
  CHECK(known < strangers / 200);
  CHECK_FALSE(doorkeeper.knew_or_mark(first, start));
}
