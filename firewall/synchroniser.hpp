#pragma once
// Makes the kernel match the list of bans, and keeps it so. No I/O but what Kernel does.
//
// - Until the first snapshot has ended nothing is taken away: a table that is there, from an earlier life of ours,
// stays
//   as it is (adopted); where none is, or one that does not work, an empty one is made. Bans that are told meanwhile
//   are added.
// - When the first snapshot ends, the table is built anew with all bans, in one step. Likewise after a check that found
//   something missing or changed, and after the machine was suspended, as the kernel's timeouts stood still.
// - From then on changes go in transactions of most_changes at most: at once if the last was batch_interval ago, else
//   then. What changes twice meanwhile goes once, as it is then.
// - A transaction that is refused is halved, until what is bad stands alone: that element is left out and counted, and
//   comes again when it is told anew, or with the next rebuild. When there is no room, that which ends soonest
//   gives way. When the table is missing it is built anew at once. When the answer was lost the same goes again after
//   a check.
// - Each check_interval the table is looked at.
// - While the kernel denies everything, nothing but the check is tried, and the log says so once.
//
// What is worth a line goes to `log`: repaired drift once for each time, refused elements without their addresses
// unless they are few.
//
// `now` is of the clock of BanList. Threads: one.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "firewall/ban_list.hpp"
#include "firewall/kernel.hpp"
#include "firewall/last_guard.hpp"
#include "firewall/layout.hpp"
#include "firewall/told.hpp"

namespace mxwarden::firewall {

class Synchroniser {
 public:
  static constexpr std::size_t most_changes = 1'000;
  static constexpr Duration batch_interval = std::chrono::milliseconds(100);
  static constexpr Duration check_interval = std::chrono::seconds(5);

  using Log = std::function<void(log::Level level, std::string_view line)>;

  struct Figures {
    std::array<std::size_t, all_sets.size()> elements{};  // in the kernel, as far as we know; by Set, without canaries
    std::size_t waiting = 0;                              // changes that are not in the kernel yet
    BanList::Counts bans;
    std::uint64_t rebuilds = 0;  // after the first
    std::uint64_t refused_batches = 0;
    std::uint64_t refused_elements = 0;
    std::uint64_t dropped = 0;       // packets, over all rebuilds, up to the last check
    std::optional<Duration> lag;     // from the ban, if that is known, or from its telling, to the kernel: the
                                     // longest of the bans added since take_lag()
    std::optional<Instant> checked;  // and found well, last
    std::string trouble;             // why the kernel does not match; empty: it does
  };

  Synchroniser(Kernel& kernel, const Layout& layout, const conf::Settings& settings, std::vector<Address> own, Log log,
               Instant now);
  ~Synchroniser();

  // Adopts what is there, or makes the table.
  void start(Instant now);
  // In any order mxwardend likes; the stream ended: stream_ended().
  void take(const Told& told, Instant now);
  void stream_ended();

  // Of this host.
  void own_addresses_are(std::vector<Address> own, Instant now);
  // Others than those it was made with: the table is built anew if it has to look otherwise.
  void configure(const Layout& layout, const conf::Settings& settings, Instant now);
  // The kernel's timeouts are not what they were: build anew.
  void was_suspended(Instant now);

  // When wake() has something to do, which is not later than check_interval from now.
  Instant wakes_at() const;
  void wake(Instant now);

  Figures figures() const;
  void forget_lag();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::firewall
