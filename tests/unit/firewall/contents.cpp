#include "firewall/contents.hpp"

#include <fmt/format.h>

#include "rig.hpp"

namespace mxwarden::firewall {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> text_of(std::vector<Change> changes) {
  std::vector<std::string> texts;
  for (const auto& [element, timeout] : changes) {
    texts.push_back(fmt::format("{} {}-{} {}", to_string(element.set), element.first.to_string(),
                                element.last.to_string(), timeout ? *timeout / 1min : -1));
  }
  return texts;
}

using Texts = std::vector<std::string>;

std::vector<Range> ranges(const std::vector<std::tuple<const char*, const char*, Duration>>& rows) {
  std::vector<Range> all;
  for (const auto& [first, last, until] : rows) all.push_back({address(first), address(last), Instant(until)});
  return all;
}

}  // namespace

TEST_CASE("the sets hold clients as they are and nets made disjoint, each with what is left of it") {
  BanList bans(options_of(settings()), LastGuard(settings(), {}), [](const Prefix&) {});
  const Instant now(24h);
  for (const auto& one : {ban("192.0.2.7", 1h), ban("2001:db8:0:1::/64", 2h), ban("198.51.100.0/24", 1h),
                          ban("198.51.100.128/25", 3h), ban("2001:db8::7", 30min), ban("192.0.2.8", 10min)}) {
    bans.added(one, now);
  }
  CHECK(text_of(contents(bans, layout_of(settings()), now + 10min)) ==
        Texts{"ban4 192.0.2.7-192.0.2.7 50", "ban6 2001:db8:0:1::-2001:db8:0:1:: 110",
              "net4 198.51.100.0-198.51.100.127 50", "net4 198.51.100.128-198.51.100.255 170",
              "net6 2001:db8::7-2001:db8::7 20"});
}

TEST_CASE("what goes stands before what comes, and what stays is not mentioned") {
  const auto from = ranges({{"192.0.2.0", "192.0.2.255", 60min},
                            {"198.51.100.0", "198.51.100.127", 60min},
                            {"203.0.113.0", "203.0.113.255", 60min}});
  const auto to = ranges({{"192.0.2.0", "192.0.2.127", 60min},
                          {"192.0.2.128", "192.0.2.255", 90min},
                          {"198.51.100.0", "198.51.100.127", 60min},
                          {"203.0.113.0", "203.0.113.255", 90min}});
  CHECK(text_of(changes_of(Set::net4, from, to, Instant())) ==
        Texts{"net4 192.0.2.0-192.0.2.255 -1", "net4 192.0.2.0-192.0.2.127 60", "net4 192.0.2.128-192.0.2.255 90",
              "net4 203.0.113.0-203.0.113.255 90"});
  CHECK(text_of(changes_of(Set::net4, from, {}, Instant())).size() == 3);
  CHECK(text_of(changes_of(Set::net4, from, from, Instant())).empty());
}

}  // namespace mxwarden::firewall
