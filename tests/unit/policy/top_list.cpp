#include "policy/top_list.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "policy/space_saving.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

WallTime at(std::int64_t milliseconds_since) {
  return WallTime(milliseconds(milliseconds_since));
}

TopEntry entry(const std::string& name, std::uint64_t count, std::uint64_t error, const std::string& rule = "",
               std::int64_t last = 1'795'348'800'123) {
  return {.name = name, .count = count, .error = error, .rule = rule, .last = at(last)};
}

std::vector<std::string> names_of(const TopList& list) {
  std::vector<std::string> names;
  for (const auto& each : list.entries) names.push_back(each.name);
  return names;
}

}  // namespace

TEST_CASE("the order is by what is certain, then by what may be, then by name") {
  const TopList list = merge(std::vector{
      TopList{.entries = {entry("c", 10, 0), entry("b", 10, 0), entry("flooded", 500, 495), entry("maybe", 12, 2)}}});
  CHECK(names_of(list) == std::vector<std::string>{"maybe", "b", "c", "flooded"});
}

TEST_CASE("what is cut off raises the floor") {
  TopList list{.entries = {entry("a", 10, 0), entry("b", 9, 2), entry("c", 8, 7)}, .floor = 3};
  list.cut(3);
  CHECK(list.floor == 3);
  list.cut(1);
  CHECK(names_of(list) == std::vector<std::string>{"a"});
  CHECK(list.floor == 9);
}

TEST_CASE("who is missing in one list has its floor there") {
  const std::vector lists{
      TopList{.entries = {entry("both", 100, 10, "ban", 1), entry("one", 50, 0, "client_rate", 5)},
              .floor = 7,
              .covers = 1h},
      TopList{.entries = {entry("both", 30, 5, "client_conn", 2), entry("other", 20, 20)}, .floor = 20, .covers = 2h}};
  const auto merged = merge(lists);
  CHECK(merged.floor == 27);
  CHECK(merged.covers == 2h);
  CHECK(merged.entries == std::vector{entry("both", 130, 15, "client_conn", 2), entry("one", 70, 20, "client_rate", 5),
                                      entry("other", 27, 27)});
  CHECK(merge({}) == TopList{});
}

TEST_CASE("a count below the floor of a list that was cut stays a bound") {
  TopList cut{.entries = {entry("sure", 10, 0), entry("flooded", 5000, 4999)}};
  cut.cut(1);
  const auto merged = merge(std::vector{cut, TopList{.entries = {entry("new", 3, 0)}}});
  CHECK(merged.floor == 5000);
  CHECK(merged.entries == std::vector{entry("sure", 10, 0), entry("new", 5003, 5000)});
}

TEST_CASE("lists of many nodes keep the promises of each") {
  constexpr std::size_t most = 100;
  constexpr std::size_t events = 20'000;
  std::mt19937 random(7);
  std::map<std::string, std::uint64_t> exact;
  std::vector<TopList> lists;
  for (int node = 0; node < 6; ++node) {
    // Each sees others most.
    std::geometric_distribution<std::uint32_t> next(0.004);
    SpaceSaving<std::uint32_t> summary(most);
    for (std::size_t event = 0; event < events; ++event) {
      const auto key = next(random) * (1 + static_cast<std::uint32_t>(node) % 3);
      summary.count(key, key * 2654435761U);
      ++exact[std::to_string(key)];
    }
    TopList list;
    list.floor = summary.floor();
    for (const auto& each : summary.entries()) {
      list.entries.push_back(entry(std::to_string(each.key), summary.count_of(each), each.error));
    }
    lists.push_back(std::move(list));
  }
  const auto merged = merge(lists);
  CHECK(merged.floor <= 6 * events / most);
  std::map<std::string, TopEntry> by_name;
  for (const auto& each : merged.entries) by_name[each.name] = each;
  for (const auto& each : exact) {
    const auto truly = each.second;
    const auto found = by_name.find(each.first);
    CAPTURE(each.first);
    if (found == by_name.end()) {
      CHECK(truly <= merged.floor);
    } else {
      CHECK(truly <= found->second.count);
      CHECK(truly >= found->second.at_least());
    }
  }
}

TEST_CASE("a list is read as it was written") {
  const TopList list{.entries = {entry("203.0.113.7", 900, 0, "client_rate"), entry("2001:db8::/64", 70, 3),
                                 entry("o'neil smith@example.org \t\xc3\xa9", 1, 0, "odd_limit")},
                     .floor = 12,
                     .covers = 90'061'001ms};
  const auto text = to_text(list, 10'000);
  CHECK(text.starts_with(
      "1 90061001 12\n900 0 1795348800123 client_rate 203.0.113.7\n70 3 1795348800123 - 2001:db8::/64\n"));
  CHECK(parse_top_list(text).value() == list);
  CHECK(parse_top_list(to_text({}, 100)).value() == TopList{});
}

TEST_CASE("a text has as many as there is room for, and the floor says what the others may have made") {
  TopList list;
  for (std::uint64_t count = 1000; count > 0; --count)
    list.entries.push_back(entry("c" + std::to_string(count), count, 0));
  const auto text = to_text(list, 4096);
  CHECK(text.size() <= 4096);
  const auto read = parse_top_list(text).value();
  CHECK(read.entries.size() > 50);
  CHECK(read.entries.front() == list.entries.front());
  CHECK(read.floor == 1000 - read.entries.size());
}

TEST_CASE("what is no list is refused, whoever wrote it") {
  for (const std::string text : {"", "1", "1 2", "2 1000 0\n", "1 1000 -1\n", "1 1000 0\nnonsense\n",
                                 "1 1000 0\n5 6 0 - more-error-than-count\n", "1 1000 0\n5 0 0 - \n",
                                 "1 1000 0\n5 0 0  name\n", "1 1000 0\n99999999999999999 0 0 - name\n",
                                 "1 1000 0\n5 0 99999999999999999 - name\n", "1 1000 0\n5 0 0 rule name\n\n"}) {
    CAPTURE(text);
    CHECK(parse_top_list(text).has_error());
  }
  CHECK(parse_top_list("1 1000 0\n5 0 0 - " + std::string(longest_top_name + 1, 'x') + "\n").has_error());
  CHECK(parse_top_list("1 1000 0\n5 0 0 " + std::string(64, 'x') + " name\n").has_error());
  std::string many = "1 1000 0\n";
  for (int at = 0; at < 10'001; ++at) many += "5 0 0 - n" + std::to_string(at) + "\n";
  CHECK(parse_top_list(many).has_error());
}

TEST_CASE("a name that stands twice is taken once, and order is ours") {
  const auto list = parse_top_list("1 1000 0\n5 0 0 - b\n7 0 0 - a\n5 0 0 - b\n").value();
  CHECK(names_of(list) == std::vector<std::string>{"a", "b"});
}

}  // namespace mxwarden::policy
