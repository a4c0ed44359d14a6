#pragma once
// The bans that the kernel is to enforce, by what mxwardend tells. Pure: a machine of (what was told, now).
//
// - A ban leaves by being removed, by its end, or by a snapshot that has ended without it. A snapshot counts if its
//   epoch is above that of the last one that ended; else it only adds. A stream that breaks off takes nothing away.
// - What is told as added: of two ends of the same net the later one stands, so that a shorter repeat never shortens;
//   an end that came with a snapshot that has ended is the truth, and stands. Ends within same_end of each other are
//   the same: the first of them is kept, and nothing has changed.
// - A ban whose length is under min_ban is as good as none. Its length is what was told; else what is left of it.
// - The guard is asked about each; a ban it does not let pass is kept, and asked about again when the guard changes, as
//   an address of this host may come and go.
// - With more than max_elements of them, that which ends soonest gives way, and is forgotten: the next snapshot may
//   bring it back. Of guarded ones there are as many besides, and of nets that are no clients most_nets.
//
// Times are those of a clock that goes on while the machine is suspended (BootClock), as bans end then, too.
//
// About 50 bytes a ban (firewall/ban_table.hpp), and 8 more while a snapshot is under way. Each call is O(log n), but
// those that say that they look at all.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "firewall/last_guard.hpp"
#include "firewall/layout.hpp"
#include "firewall/told.hpp"

namespace mxwarden::firewall {

class BanList {
 public:
  static constexpr std::size_t most_nets = 10'000;
  static constexpr Duration same_end = std::chrono::milliseconds(500);

  struct Options {
    Duration min_ban{};
    std::size_t max_elements = 0;
    int ipv4_prefix = 32;
    int ipv6_prefix = 64;
  };

  // Why bans that were told are not in force.
  struct Counts {
    std::uint64_t too_short = 0;  // since the beginning
    std::uint64_t gave_way = 0;
    std::size_t guarded = 0;       // now
    std::size_t ipv4_clients = 0;  // in force at the last tick(), of the clients' prefix lengths
    std::size_t ipv6_clients = 0;
    std::size_t nets = 0;  // and of others
  };

  // A net whose ban is another than it was, or is there no more. It may ask until(), and no more.
  using Changed = std::function<void(const Prefix& net)>;

  BanList(const Options& options, LastGuard guard, Changed changed);
  ~BanList();

  void added(const Ban& ban, Instant now);
  void removed(const Prefix& net);
  void snapshot_begins(std::int64_t epoch);
  void in_snapshot(const Ban& ban, Instant now);
  // False: its epoch was not above the last one's; or none had begun. Looks at all.
  bool snapshot_ends(Instant now);
  // The stream is a new one: what was begun does not come to its end.
  void stream_ended();

  // What is over leaves, without a word: it ends in the kernel by itself. Looks at a few of those that end first, and
  // at all of them when those were not enough.
  void tick(Instant now);
  // Looks at all.
  void guard_changed(LastGuard guard, Instant now);
  // Looks at all. min_ban is for what is told from now on.
  void configure(const Options& options, LastGuard guard, Instant now);
  // Of the clients of one family, for whom there is no room: the one that ends soonest.
  std::optional<Prefix> give_way(bool ipv4);
  // There is no room for this one.
  void give_way(const Prefix& net);

  // In force: until when.
  std::optional<Instant> until(const Prefix& net, Instant now) const;
  bool is_client(const Prefix& net) const;
  // All that are in force. Clients in no order, nets in theirs.
  void for_each_client(Instant now, const std::function<void(const Prefix& net, Instant until)>& look) const;
  std::vector<std::pair<Prefix, Instant>> nets(Instant now, bool ipv4) const;

  bool has_snapshot() const;   // one has ended
  std::int64_t epoch() const;  // of the last that has; 0: none
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

BanList::Options options_of(const conf::Settings& settings);

}  // namespace mxwarden::firewall
