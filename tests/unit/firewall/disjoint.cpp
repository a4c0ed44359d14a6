#include "firewall/disjoint.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

namespace mxwarden::firewall {
namespace {

using std::chrono::hours;

// `192.0.2.0/24=2`: two hours.
std::vector<Until> nets_of(const std::vector<std::pair<const char*, int>>& rows) {
  std::vector<Until> nets;
  for (const auto& [net, until] : rows) nets.push_back({Prefix::parse(net).value(), Instant(hours(until))});
  std::ranges::sort(nets, {}, &Until::net);
  return nets;
}

std::string text_of(const std::vector<Range>& ranges) {
  std::string text;
  for (const auto& range : ranges) {
    text += fmt::format("{}{}-{}={}", text.empty() ? "" : " ", range.first.to_string(), range.last.to_string(),
                        range.until.time_since_epoch() / hours(1));
  }
  return text;
}

}  // namespace

TEST_CASE("prefixes that overlap become ranges that do not") {
  struct Row {
    const char* label;
    std::vector<std::pair<const char*, int>> nets;
    const char* ranges;
  };
  const Row rows[] = {
      {"none", {}, ""},
      {"one", {{"192.0.2.0/24", 1}}, "192.0.2.0-192.0.2.255=1"},
      {"one address", {{"192.0.2.7", 1}}, "192.0.2.7-192.0.2.7=1"},
      {"the inner one ends later",
       {{"192.0.2.0/24", 1}, {"192.0.2.64/26", 2}},
       "192.0.2.0-192.0.2.63=1 192.0.2.64-192.0.2.127=2 192.0.2.128-192.0.2.255=1"},
      {"the inner one ends sooner", {{"192.0.2.0/24", 2}, {"192.0.2.64/26", 1}}, "192.0.2.0-192.0.2.255=2"},
      {"the inner one is the beginning",
       {{"192.0.2.0/24", 1}, {"192.0.2.0/25", 2}},
       "192.0.2.0-192.0.2.127=2 192.0.2.128-192.0.2.255=1"},
      {"the inner one is the end",
       {{"192.0.2.0/24", 1}, {"192.0.2.128/25", 2}},
       "192.0.2.0-192.0.2.127=1 192.0.2.128-192.0.2.255=2"},
      {"three deep",
       {{"192.0.2.0/24", 1}, {"192.0.2.0/25", 2}, {"192.0.2.0/26", 3}},
       "192.0.2.0-192.0.2.63=3 192.0.2.64-192.0.2.127=2 192.0.2.128-192.0.2.255=1"},
      {"the one in the middle ends first",
       {{"192.0.2.0/24", 2}, {"192.0.2.0/25", 1}, {"192.0.2.0/26", 3}},
       "192.0.2.0-192.0.2.63=3 192.0.2.64-192.0.2.255=2"},
      {"next to each other, of one end", {{"192.0.2.0/25", 1}, {"192.0.2.128/25", 1}}, "192.0.2.0-192.0.2.255=1"},
      {"next to each other, of two ends",
       {{"192.0.2.0/25", 1}, {"192.0.2.128/25", 2}},
       "192.0.2.0-192.0.2.127=1 192.0.2.128-192.0.2.255=2"},
      {"apart", {{"192.0.2.0/25", 1}, {"192.0.3.0/25", 1}}, "192.0.2.0-192.0.2.127=1 192.0.3.0-192.0.3.127=1"},
      {"the last addresses there are",
       {{"255.255.255.0/24", 1}, {"255.255.255.254/31", 2}, {"255.255.255.255", 3}},
       "255.255.255.0-255.255.255.253=1 255.255.255.254-255.255.255.254=2 255.255.255.255-255.255.255.255=3"},
      {"all addresses", {{"0.0.0.0/0", 1}, {"0.0.0.0", 2}}, "0.0.0.0-0.0.0.0=2 0.0.0.1-255.255.255.255=1"},
      {"IPv6",
       {{"2001:db8::/32", 1}, {"2001:db8:0:1::/64", 2}},
       "2001:db8::-2001:db8::ffff:ffff:ffff:ffff=1 2001:db8:0:1::-2001:db8:0:1:ffff:ffff:ffff:ffff=2 "
       "2001:db8:0:2::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff=1"},
      {"the last of IPv6",
       {{"::/0", 1}, {"ffff::/16", 2}},
       "::-fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff=1 "
       "ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff=2"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    CHECK(text_of(disjoint(nets_of(row.nets))) == row.ranges);
  }
}

TEST_CASE("every address has the latest end of all random prefixes it lies in, and the ranges are in order") {
  std::minstd_rand random(1);
  for (int round = 0; round < 500; ++round) {
    std::map<Prefix, Instant> nets;
    for (auto count = random() % 20; count-- > 0;) {
      const std::array<unsigned char, 4> bytes{192, 0, 2, static_cast<unsigned char>(random())};
      const Prefix net(Address::from_bytes(Address::Family::ipv4, bytes.data()), 24 + static_cast<int>(random() % 9));
      nets[net] = Instant(hours(1 + random() % 4));
    }
    std::vector<Until> list;
    for (const auto& [net, until] : nets) list.push_back({net, until});
    const auto ranges = disjoint(list);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      REQUIRE(ranges[i].first <= ranges[i].last);
      if (i > 0) REQUIRE(ranges[i - 1].last < ranges[i].first);
    }
    for (int last = 0; last < 256; ++last) {
      const std::array<unsigned char, 4> bytes{192, 0, 2, static_cast<unsigned char>(last)};
      const auto address = Address::from_bytes(Address::Family::ipv4, bytes.data());
      std::optional<Instant> wanted;
      for (const auto& [net, until] : nets) {
        if (net.contains(address) && (!wanted || *wanted < until)) wanted = until;
      }
      const auto found = std::ranges::find_if(
          ranges, [&](const Range& range) { return range.first <= address && address <= range.last; });
      REQUIRE((found != ranges.end()) == wanted.has_value());
      if (wanted) REQUIRE(found->until == *wanted);
    }
  }
}

}  // namespace mxwarden::firewall
