// What mxwardend tells mxwarden-firewall: whatever a line holds, nothing that is guarded, too wide or beyond
// max_elements reaches the kernel, no ranges overlap, and no transaction is too large.
//
// Input: lines of bans.follow. One that begins with `+` lets as many seconds pass as it is long; with `!`, something
// happens to the kernel, or to the connection; all others are told.

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "firewall/synchroniser.hpp"
#include "support/memory_kernel.hpp"

using namespace mxwarden;
using namespace mxwarden::firewall;

namespace {

constexpr std::size_t most_bans = 4;
constexpr int most_steps = 1'000;

void require(bool condition, std::string_view what, std::string_view line) {
  if (condition) return;
  std::cerr << what << ": " << line << '\n';
  std::abort();
}

const conf::Settings& settings() {
  static const auto all = [] {
    conf::Report report;
    return conf::parse_settings("", "none",
                                {{"firewall.max_elements", std::to_string(most_bans)},
                                 {"firewall.min_ban", "10s"},
                                 {"client.trusted", "127.0.0.0/8 192.0.2.0/28 2001:db8:1::/48"}},
                                report);
  }();
  return all;
}

const std::vector<Address>& own() {
  static const std::vector all{Address::parse("198.51.100.25").value(), Address::parse("2001:db8::25").value()};
  return all;
}

class Firewall {
 public:
  Firewall() { synchroniser_.start(clock_.now()); }

  void take(std::string_view line) {
    if (line.starts_with('+')) {
      clock_.advance(std::chrono::seconds(line.size()));
    } else if (line.starts_with('!')) {
      happen(line.size() < 2 ? '\0' : line[1]);
    } else if (const auto told = parse_told(line)) {
      synchroniser_.take(*told, clock_.now());
    } else {
      synchroniser_.stream_ended();
    }
    work(line);
    check(line);
  }

 private:
  void happen(char what) {
    if (what == 'v') kernel_.vanish();
    if (what == 'l') kernel_.lost_answers = 3;
    if (what == 'd') kernel_.denied = !kernel_.denied;
    if (what == 'a') kernel_.answers = !kernel_.answers;
    if (what == 'r') kernel_.refuses = [](const Element& element) { return element.first.bytes()[3] % 2 == 0; };
    if (what == 'f') kernel_.room = 2;
    if (what == 's') synchroniser_.was_suspended(clock_.now());
  }

  void work(std::string_view line) {
    int steps = 0;
    for (; steps < most_steps && synchroniser_.wakes_at() <= clock_.now(); ++steps) synchroniser_.wake(clock_.now());
    require(steps < most_steps, "it does not come to rest", line);
  }

  void check(std::string_view line) const {
    if (!kernel_.faults().empty()) require(false, kernel_.faults().front(), line);
    require(kernel_.size(Set::ban4) + kernel_.size(Set::ban6) <= most_bans, "too many elements", line);
    // Of four nets in each other: seven ranges.
    require(kernel_.size(Set::net4) + kernel_.size(Set::net6) <= 2 * most_bans, "too many ranges", line);
    for (const auto& [element, until] : kernel_.in_force()) check(element, line);
  }

  static void check(const Element& element, std::string_view line) {
    const bool ipv4 = element.first.is_ipv4();
    const auto length = ipv4 ? settings().client.ipv4_prefix : settings().client.ipv6_prefix;
    const auto last = is_hash(element.set) ? Prefix(element.first, length) : Prefix(element.last, element.last.bits());
    require(last.contains(element.last), "more than one in a hash", line);
    const auto is_in = [&](const Prefix& net) {
      const bool begins_before = element.first <= net.address() || net.contains(element.first);
      const bool ends_behind = element.last >= net.address() || last.contains(net.address());
      return net.address().family() == element.first.family() && begins_before && ends_behind;
    };
    for (const auto& net : settings().client.trusted) require(!is_in(net), "it is trusted", line);
    for (const auto& net : settings().client.never_ban) require(!is_in(net), "it is in never_ban", line);
    for (const auto& one : own()) require(!is_in(Prefix(one, one.bits())), "it is an own address", line);
    const auto widest = ipv4 ? settings().guard.widest_ipv4 : settings().guard.widest_ipv6;
    // Ranges with the same end that are next to each other are one.
    if (is_hash(element.set)) require(length >= widest, "it is too wide", line);
  }

  ManualClock clock_;
  tests::MemoryKernel kernel_{clock_};
  Synchroniser synchroniser_{kernel_,     layout_of(settings()), settings(), own(), [](log::Level, std::string_view) {},
                             clock_.now()};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Firewall firewall;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    firewall.take(line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return 0;
}
