#pragma once
// A Synchroniser on a kernel in memory, told lines as mxwardend writes them.

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "conf/settings.hpp"
#include "firewall/synchroniser.hpp"
#include "support/memory_kernel.hpp"

namespace mxwarden::firewall {

inline Prefix net(std::string_view text) {
  return Prefix::parse(text).value();
}

inline Address address(std::string_view text) {
  return Address::parse(text).value();
}

inline conf::Settings settings(const std::vector<conf::Override>& overrides = {}) {
  conf::Report report;
  auto settings = conf::parse_settings("", "none", overrides, report);
  REQUIRE(report.faults.empty());
  return settings;
}

inline Ban ban(std::string_view text, Duration left, std::optional<Duration> length = {}) {
  return {net(text), left, length};
}

using Overrides = std::vector<conf::Override>;

struct Rig {
  explicit Rig(const Overrides& overrides = {}, std::vector<Address> own = {})
      : with(settings(overrides)),
        synchroniser(
            kernel, layout_of(with), with, std::move(own),
            [this](log::Level, std::string_view line) { lines.emplace_back(line); }, clock.now()) {}
  ~Rig() {
    CHECK_MESSAGE(kernel.faults().empty(), (kernel.faults().empty() ? std::string() : kernel.faults().front()));
  }

  void tell(const Told& told) { synchroniser.take(told, clock.now()); }
  void add(std::string_view text, Duration left, std::optional<Duration> length = {}) {
    tell(told::Added{ban(text, left, length)});
  }
  void remove(std::string_view text) { tell(told::Removed{net(text)}); }
  void snapshot(const std::vector<Ban>& bans) {
    tell(told::SnapshotBegins{++epoch});
    for (const auto& one : bans) tell(told::InSnapshot{one});
    tell(told::SnapshotEnds{});
  }
  // Whatever is to be done now.
  void work() {
    for (int steps = 0; synchroniser.wakes_at() <= clock.now(); ++steps) {
      REQUIRE(steps < 10'000);
      synchroniser.wake(clock.now());
    }
  }
  void pass(Duration time) {
    const auto end = clock.now() + time;
    while (synchroniser.wakes_at() <= end) {
      clock.advance(std::max(synchroniser.wakes_at() - clock.now(), Duration{}));
      work();
    }
    clock.advance(end - clock.now());
  }
  // With a first snapshot.
  void start(const std::vector<Ban>& bans = {}) {
    synchroniser.start(clock.now());
    snapshot(bans);
    work();
  }
  std::optional<Duration> left(std::string_view text) const {
    const auto until = kernel.until(address(text));
    return until ? std::optional(*until - clock.now()) : std::nullopt;
  }
  bool is_banned(std::string_view text) const { return left(text).has_value(); }
  std::size_t said(std::string_view what) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const auto& line) { return line.find(what) != std::string::npos; }));
  }

  ManualClock clock;
  tests::MemoryKernel kernel{clock};
  conf::Settings with;
  std::vector<std::string> lines;
  std::int64_t epoch = 0;
  Synchroniser synchroniser;
};

}  // namespace mxwarden::firewall
