#include "maillog/recognise/bounded_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <list>
#include <random>
#include <utility>

using namespace mxwarden::maillog;

namespace {

// Many keys share a chain.
struct Hash {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key % 3); }
};

}  // namespace

TEST_CASE("a bounded table does what a list in the order of its entries does") {
  constexpr std::size_t most = 7;
  BoundedTable<int, int, Hash> table(most);
  std::list<std::pair<int, int>> model;  // the oldest first
  std::minstd_rand random(1);
  for (int step = 0; step < 20'000; ++step) {
    const int key = static_cast<int>(random() % 12);
    if (random() % 3 == 0) {
      table.erase(key);
      std::erase_if(model, [&](const auto& entry) { return entry.first == key; });
    } else {
      CHECK(table.put(key, step) == step);
      std::erase_if(model, [&](const auto& entry) { return entry.first == key; });
      if (model.size() == most) model.pop_front();
      model.emplace_back(key, step);
    }
    REQUIRE(table.size() == model.size());
    for (int wanted = 0; wanted < 12; ++wanted) {
      const auto known = std::ranges::find(model, wanted, [](const auto& entry) { return entry.first; });
      const auto* found = table.find(wanted);
      REQUIRE((found != nullptr) == (known != model.end()));
      if (found != nullptr) REQUIRE(*found == known->second);
    }
  }
}
