#include "store/slab_index.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>

using namespace mxwarden::store;

namespace {

std::optional<std::uint32_t> find(const SlabIndex& index, std::uint32_t tag, std::uint32_t entry) {
  return index.find(tag, [&](std::uint32_t candidate) { return candidate == entry; });
}

}  // namespace

TEST_CASE("entries of the same tag are told apart by who asks") {
  SlabIndex index(4);
  for (const std::uint32_t entry : {0U, 1U, 2U}) index.insert(5, entry);
  for (const std::uint32_t entry : {0U, 1U, 2U}) CHECK(find(index, 5, entry) == entry);
  CHECK_FALSE(find(index, 5, 3));
  index.erase(5, 1);
  CHECK_FALSE(find(index, 5, 1));
  CHECK(find(index, 5, 0) == 0U);
  CHECK(find(index, 5, 2) == 2U);
}

TEST_CASE("what follows an erased place moves up, but never before its home") {
  SlabIndex index(4);  // eight places
  index.insert(6, 0);  // at 6
  index.insert(7, 1);  // at 7
  index.insert(6, 2);  // at 0, over the end
  index.insert(0, 3);  // at 1
  index.erase(6, 0);
  CHECK(find(index, 7, 1) == 1U);
  CHECK(find(index, 6, 2) == 2U);
  CHECK(find(index, 0, 3) == 3U);
  index.erase(7, 1);
  index.erase(6, 2);
  CHECK(find(index, 0, 3) == 3U);
}

TEST_CASE("100,000 random insertions and erasures agree with a map") {
  SlabIndex index(64);
  std::map<std::uint32_t, std::uint32_t> tags;  // by entry
  std::mt19937 random(4711);
  bool agree = true;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t entry = static_cast<std::uint32_t>(random() % 64);
    const auto known = tags.find(entry);
    if (known != tags.end()) {
      agree = agree && find(index, known->second, entry) == entry;
      index.erase(known->second, entry);
      agree = agree && !find(index, known->second, entry);
      tags.erase(known);
    } else {
      const std::uint32_t tag = static_cast<std::uint32_t>(random() % 200);  // crowded
      index.insert(tag, entry);
      tags.emplace(entry, tag);
    }
  }
  for (const auto& [entry, tag] : tags) agree = agree && find(index, tag, entry) == entry;
  CHECK(agree);
  CHECK(tags.size() > 10);
}
