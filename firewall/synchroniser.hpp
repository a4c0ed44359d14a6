#pragma once
// Makes the kernel match the list of bans, and keeps it so. No I/O but what Kernel does, and that in start() and wake()
// alone.
//
// - Until the first snapshot has ended nothing is taken away but what mxwardend says is removed: a table that is there,
//   from an earlier life of ours, stays as it is (adopted), but for the clients that are guarded by now, as far as they
//   can be listed (firewall/last_guard.hpp); where none is, or one that does not work, an empty one is made. Clients
//   whose bans are told as added meanwhile are added; nets wait, as it is not known what they would overlap in there;
//   and the bans of a snapshot that breaks off wait for the one that ends.
// - When the first snapshot ends, the table is built anew with all bans, in one step. Likewise after a check that found
//   something missing or changed, after the machine was suspended, as the kernel's timeouts stood still, and when more
//   than most_waiting changes wait. The kernel lets nobody else use the processor for as long as a step takes: where
//   what was there drops nobody, and so nothing is opened by it, of more than most_in_one_step bans only those that
//   end last go in with the table, and the others follow a few at a time.
// - From then on changes go in transactions of most_changes at most (firewall/halving.hpp), each of one set, what goes
//   before what comes, but nets that take the place of others with these in one: at once if there are that many, or
//   the last was batch_interval ago, else then. What changes twice meanwhile goes once, as it is then. What is told
//   with the end that it has goes not at all.
// - A transaction that is refused is halved, until what is bad stands alone: that element is left out and counted, and
//   comes again when it is told anew, or with the next rebuild. When there is no room, that which ends soonest
//   gives way. When the table is missing it is built anew at once. When the answer was lost the same goes again after
//   a check. Ranges of nets that come in the place of others stand or fall with these: if they are refused, the table
//   is built anew.
// - A rebuild that is too much, or refused, is made with as much as is taken, what ends last first, and the rest
//   follows in transactions. One that has failed is tried again with each check.
// - Each check_interval the table is looked at.
// - While the kernel denies everything, nothing but the check is tried, and what waits once after a check that was
//   answered; the log says so once.
//
// What is worth a line goes to `log`: repaired drift once for each time, refused elements without their addresses
// unless they are few.
//
// `now` is of the clock of BanList. Threads: one.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  static constexpr std::size_t most_waiting = 100'000;
  static constexpr std::size_t most_in_one_step = 100'000;
  static constexpr Duration batch_interval = std::chrono::milliseconds(100);
  static constexpr Duration check_interval = std::chrono::seconds(5);

  using Log = std::function<void(log::Level level, std::string_view line)>;

  struct Figures {
    // In the kernel as far as we know, what waits included; by Set, without canaries.
    std::array<std::size_t, all_sets.size()> elements{};
    std::size_t waiting = 0;  // changes that are not in the kernel yet; of nets all are one
    BanList::Counts bans;
    std::uint64_t rebuilds = 0;  // without those that made the table, and put in the first snapshot
    std::uint64_t refused_batches = 0;
    std::uint64_t refused_elements = 0;
    std::uint64_t dropped = 0;  // packets, over all rebuilds, up to the last check
    // From the ban, if that is known, or from its telling, to its transaction: the longest of the bans added since
    // forget_lag(), but for those that were told before a snapshot had ended.
    std::optional<Duration> lag;
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
  // Others than those it was made with: the table is built anew if it has to look otherwise. min_ban is for what is
  // told from now on: who wants it to be for all follows the bans anew.
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
