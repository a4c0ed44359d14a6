#include "policy/space_saving.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace mxwarden::policy {
namespace {

using Summary = SpaceSaving<std::uint32_t>;
using Counts = std::unordered_map<std::uint32_t, std::uint64_t>;

// Bad on purpose, so that keys share tags.
std::uint32_t tag_of(std::uint32_t key) {
  return key % 509 * 2654435761U;
}

// Keys by how often they come: the first is the most frequent; `exponent` 0: all the same.
std::vector<std::uint32_t> zipf_stream(std::size_t events, std::size_t keys, double exponent) {
  std::vector<double> weights;
  for (std::size_t at = 1; at <= keys; ++at) weights.push_back(1 / std::pow(static_cast<double>(at), exponent));
  std::discrete_distribution<std::uint32_t> next(weights.begin(), weights.end());
  std::mt19937 random(42);
  std::vector<std::uint32_t> stream(events);
  for (auto& key : stream) key = next(random);
  return stream;
}

Counts count_exactly(const std::vector<std::uint32_t>& stream) {
  Counts counts;
  for (const auto key : stream) ++counts[key];
  return counts;
}

void check_promises(Summary& summary, const Counts& exact, std::size_t events, std::size_t most) {
  std::uint64_t sum = 0;
  for (const auto& entry : summary.entries()) {
    const auto count = summary.count_of(entry);
    const auto found = exact.find(entry.key);
    const auto truly = found == exact.end() ? 0 : found->second;
    sum += count;
    if (truly > count || truly + entry.error < count) {
      FAIL_CHECK("key " << entry.key << " has made " << truly << ", not " << count << " - " << entry.error);
    }
  }
  CHECK(sum == events);
  CHECK(summary.entries().size() <= most);
  CHECK(summary.floor() <= events / most);
  for (const auto& [key, truly] : exact) {
    const bool is_in = summary.find(key, tag_of(key)) != nullptr;
    if (!is_in && (truly > events / most || truly > summary.floor())) {
      FAIL_CHECK("key " << key << " has made " << truly << " and is missing");
    }
  }
}

}  // namespace

TEST_CASE("every count is between its bounds, and no key above N/K is missing") {
  struct Row {
    const char* label;
    double exponent;
    std::size_t keys;
  };
  for (const auto& row : {Row{"uniform", 0, 5'000}, Row{"flat Zipf", 0.6, 5'000}, Row{"Zipf", 1, 20'000},
                          Row{"steep Zipf", 1.5, 20'000}, Row{"fewer keys than places", 1, 50}}) {
    CAPTURE(row.label);
    const auto stream = zipf_stream(100'000, row.keys, row.exponent);
    for (const auto most : std::vector<std::size_t>{1, 2, 100, 1'000}) {
      CAPTURE(most);
      Summary summary(most);
      for (const auto key : stream) summary.count(key, tag_of(key));
      check_promises(summary, count_exactly(stream), stream.size(), most);
    }
  }
}

TEST_CASE("the promises hold after each event of one who knows the algorithm and never comes twice in time") {
  constexpr std::size_t most = 8;
  Summary summary(most);
  Counts exact;
  std::size_t events = 0;
  for (std::uint32_t round = 0; round < 60; ++round) {
    for (std::uint32_t key = 0; key < most + 1 + round % 3; ++key) {
      summary.count(key, tag_of(key));
      ++exact[key];
      check_promises(summary, exact, ++events, most);
    }
  }
}

TEST_CASE("counts are exact while all keys have a place") {
  const auto stream = zipf_stream(50'000, 1'000, 1);
  const auto exact = count_exactly(stream);
  Summary summary(1'000);
  for (const auto key : stream) summary.count(key, tag_of(key));
  CHECK(summary.entries().size() == exact.size());
  for (const auto& entry : summary.entries()) {
    CHECK(entry.error == 0);
    CHECK(summary.count_of(entry) == exact.at(entry.key));
  }
}

TEST_CASE("a key that takes another's place brings nothing of it but its count, as an error") {
  Summary summary(1);
  auto& first = summary.count(1, tag_of(1));
  first.rule = 7;
  first.last = Instant(std::chrono::hours(1));
  CHECK(summary.count(1, tag_of(1)).rule == 7);
  const auto& second = summary.count(2, tag_of(2));
  CHECK(second.rule == 0);
  CHECK(second.last == Instant{});
  CHECK(second.error == 2);
  CHECK(summary.count_of(second) == 3);
  CHECK(summary.find(1, tag_of(1)) == nullptr);
}

TEST_CASE("a summary that was cleared is as new") {
  Summary summary(10);
  for (std::uint32_t key = 0; key < 100; ++key) summary.count(key, tag_of(key));
  summary.clear();
  CHECK(summary.entries().empty());
  CHECK(summary.floor() == 0);
  Counts exact;
  for (std::uint32_t key = 0; key < 30; ++key) {
    summary.count(key % 12, tag_of(key % 12));
    ++exact[key % 12];
  }
  check_promises(summary, exact, 30, 10);
}

}  // namespace mxwarden::policy
