#pragma once
// What mxwardend would make of the events of a log, found out without one: its own code over a store and records in
// memory, and a clock that stands at the time of each event. So last week's log is judged as it was then.
//
// The clock goes back where the log does, as where files were put together in the wrong order; only times that no log
// has, before 1970 or after 2200, are cut. What mxwardend knows beside the log is not there: the records that it has,
// who has a good record, its host's own addresses.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "conf/command_line.hpp"
#include "policy/event_effects.hpp"
#include "policy/offences.hpp"
#include "store/embedded_records.hpp"
#include "store/embedded_store.hpp"
#include "store/prefix_hash.hpp"

namespace mxwarden::maillog {

class Simulation {
 public:
  // Records that would be made.
  struct Made {
    std::uint64_t fresh = 0;
    std::uint64_t renewed = 0;  // there was one of that kind and net
  };

  explicit Simulation(const conf::Configuration& configuration);

  // What follows, a line each.
  std::vector<std::string> take(const policy::MailEvent& event);

  const Made& made(store::RecordKind kind) const { return made_[static_cast<std::size_t>(kind)]; }

 private:
  void say(log::Level level, std::string line);
  void move_clock(WallTime to);
  void changed(store::RecordKind kind, const Prefix& net, bool is_there);

  ManualClock clock_;
  store::EmbeddedStore store_;
  store::EmbeddedRecords records_;
  std::vector<std::string> said_;  // of the event that is taken
  std::array<Made, store::record_kinds> made_;
  std::array<std::unordered_set<Prefix, store::PrefixHash>, store::record_kinds> there_;
  std::shared_ptr<void> following_;
  policy::Offences offences_;
  policy::EventEffects effects_;
  std::uint64_t taken_ = 0;
  Instant next_tick_{};
};

}  // namespace mxwarden::maillog
