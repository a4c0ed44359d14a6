#pragma once
// Which recipients do not exist, as Postfix's questions show it ([bad_recipient] source = inline, and
// [bad_recipient_throttle]).
//
// main.cf asks with policy_context `pre` right before reject_unlisted_recipient and with `post` right behind it; so
// `post` comes for a recipient that exists. That it did not (policy/tracker.hpp) is weak evidence: when a recipient
// table is down Postfix answers 451 and it comes for nobody, and a restriction that stands between the two refuses who
// exists. So a recipient that was missed is
//   nothing     if no other of its domain was accepted since the start, or this one within `forget`
//   suspected   else: it counts for `confirm`, which puts the client off (policy/bad_recipient_rule.hpp)
//   unknown     after that time, when since it was missed another of its domain was accepted, within an hour, and none
//               that exists was missed: an event on the way of those of a log (policy/event_effects.hpp), which may
//               list the client and ban it
// When a recipient that was accepted within `forget` is missed, or one that was missed is accepted, its domain is in
// doubt: what is suspected there is forgotten, and for twice `confirm` nothing is suspected there and nobody put off.
// One that is missed while others of its domain are accepted is gone; it makes no more doubt. If at its end more
// recipients of a message were accepted than had a `post`, and half as many as were missed at least, a restriction
// between the two has permitted some: what it has missed is forgotten, and passes for accepted; of this client
// nothing is suspected for twice `confirm`.
//
// Of trusted, logged-in and exempt clients nothing is suspected; what they show of recipients holds for all. What is
// known is this node's.
//
// Bounded: the 100,000 recipients and 10,000 domains that were accepted last, and as many again; 10,000 suspected ones,
// while there are as many no other is confirmed.
// BUGS: a table that was down was not seen to be when meanwhile no recipient that is known was tried here, and none of
// those that were missed came back to this node within `confirm`. A bare `postmaster` is never asked about and counts
// as accepted: a message to it is forgiven two that it has missed.
//
// Threads: one, that of the requests.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "conf/settings.hpp"
#include "policy/event_effects.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

class RecipientWatch {
 public:
  using Say = std::function<void(log::Level, std::string)>;
  // EventEffects::take().
  using Take = std::function<void(EventBatch, Instant now, EventEffects::Done)>;

  struct Options {
    std::string source = "inline";  // of the events; another one for each node
    std::uint64_t seed = 0;         // of the hashes
    std::size_t max_recipients = 100'000;
    std::size_t max_domains = 10'000;
    std::size_t max_suspected = 10'000;
  };

  RecipientWatch(const Options& options, Say say, Take take);
  ~RecipientWatch();

  // Before the first request, and at each reload.
  void configure(const conf::Settings& settings);

  // Completes the question's view. Each request once.
  void see(const Question& question, View& view, Instant now);
  // What see() would make of it; nothing changes.
  void preview(const Question& question, View& view, Instant now) const;
  // Each second. What is confirmed is handed over.
  void tick(Instant now, WallTime wall_now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::policy
