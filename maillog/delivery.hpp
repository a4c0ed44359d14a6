#pragma once
// Events in with their positions, batches for mxwardend out, its answers in: which events wait, which are on their way,
// and up to where all is done. Pure: a machine of (input, now).
//
// One batch is on its way at a time, so that events arrive in their order; while it is, the next ones gather. A batch
// that was not answered well comes again after a while, perhaps cut otherwise: each event has its own position, by
// which mxwardend knows those it has had. An event that mxwardend says is wrong is dropped.
//
// Memory: of a source that can be read again, full() events and what comes with the last lines; of another the same,
// but while mxwardend is away most_waiting events, the oldest of which are dropped for more.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "policy/mail_event.hpp"
#include "store/back_off.hpp"

namespace mxwarden::maillog {

class Delivery {
 public:
  static constexpr std::size_t most_events = 500;      // of a batch
  static constexpr std::size_t most_bytes = 60'000;    // likewise; a line of the control socket may have 64 KiB
  static constexpr std::size_t enough_waiting = 2000;  // then it is full
  static constexpr std::size_t most_waiting = 10'000;
  static constexpr auto lines_interval = std::chrono::seconds(10);

  struct Options {
    bool may_drop = false;   // the source cannot be read again
    std::uint64_t seed = 0;  // for jitter
  };
  struct Counts {
    std::uint64_t delivered = 0;  // events
    std::uint64_t dropped = 0;    // as too many waited
    std::uint64_t wrong = 0;      // as mxwardend would not have them
    std::size_t most_waited = 0;
  };
  using Say = std::function<void(log::Level, std::string)>;

  // `source` names whose positions these are; up to `position` all is done.
  Delivery(std::string source, std::uint64_t position, Options options, Say say);

  // A line was looked at. Positions ascend.
  // `event`: what it says has happened; null: nothing. `unknown`: it should have been recognised.
  void take(std::uint64_t position, const policy::MailEvent* event, bool unknown);
  bool full() const;

  // The next request for mxwardend, without a line feed. Nothing: none is due, or one is on its way.
  std::optional<std::string> next(Instant now);
  // When to ask for it again. Nothing: when something has happened.
  std::optional<Instant> due() const;
  void answered(std::string_view answer, Instant now);
  // There will be no answer: why, as a sentence.
  void lost(std::string_view why, Instant now);

  // Up to this line all is done.
  std::uint64_t acknowledged() const { return acknowledged_; }
  // No event waits, and none is on its way.
  bool idle() const { return waiting_.empty(); }
  bool on_the_way() const { return batch_.has_value(); }
  std::size_t waiting() const { return waiting_.size(); }
  // `, 12 events wait', as the end of a sentence. Empty: none does.
  std::string backlog() const;
  const Counts& counts() const { return counts_; }

 private:
  struct Waiting {
    std::uint64_t position;
    std::string text;
  };
  struct Lines {
    std::uint64_t read = 0;
    std::uint64_t unknown = 0;
  };
  struct Batch {
    std::size_t events = 0;      // the first ones of waiting_
    std::uint64_t position = 0;  // up to where it covers
    Lines lines;
  };

  void make_room();
  void take_batch(std::string& events);
  void done();
  void refused(std::string_view why, std::optional<std::size_t> event);
  void works(Instant now);

  std::string source_;
  Options options_;
  Say say_;
  std::deque<Waiting> waiting_;  // those on their way first
  std::optional<Batch> batch_;   // on its way
  std::uint64_t seen_;           // the last line that was looked at
  std::uint64_t acknowledged_;
  Lines lines_;  // that mxwardend was not told of
  Instant lines_due_{};
  store::BackOff back_off_;
  std::optional<Instant> again_at_;
  std::optional<Instant> away_since_;
  std::uint64_t dropped_before_ = 0;  // it went away
  Counts counts_;
};

}  // namespace mxwarden::maillog
