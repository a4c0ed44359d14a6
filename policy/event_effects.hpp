#pragma once
// What the events of a mail log, or of Postfix's questions (policy/recipient_watch.hpp), lead to:
//   login_succeeded                    a relay grant, of POP3 and IMAP logins ([relay_grant])
//   blocklist_reject                   a listing by that DNSBL, for [listing] dnsbl_ttl
//   sender_forged helo_forged spam_trap  a listing of our own
//   recipient_unknown                  counted, of the source that [bad_recipient] names: who guesses is listed, banned
//   recipient_accepted                 counts on the other side of that
// One that lists a client that is listed already is an attempt of it (policy/repeat_offender.hpp). All others are
// counted, and lead to a line in the log.
//
// An event has its line's own time: a grant ends at login + ttl, and what is over by now does nothing, so that reading
// last week's log opens and bans nothing. A time in the future counts as now.
//
// Each record follows once from an event, however often it is handed over: a record keeps, of each source, the position
// up to which that source's events are in it (store::Record::marks). Counts are not kept so, and a record that was
// removed meanwhile is made anew.
//
// What a DNSBL rejects is not always believed: policy/dnsbl_guard.hpp.
//
// Threads: one, that of the requests. What it is made with must outlive it, and the store and the records must not
// finish anything for it after its end.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "conf/settings.hpp"
#include "policy/good_records.hpp"
#include "policy/mail_event.hpp"
#include "policy/offences.hpp"
#include "policy/top_counts.hpp"
#include "store/records.hpp"
#include "store/store.hpp"

namespace mxwarden::policy {

// What a source hands over together.
struct EventBatch {
  std::string source;
  std::uint64_t seq = 0;  // of the whole; an event without a position has this one
  std::vector<MailEvent> events;
  // questions: what Postfix has asked shows it, not a log.
  conf::BadRecipientSource told_by = conf::BadRecipientSource::log;
};

class EventEffects {
 public:
  // Without an error: all records that follow are kept. With one: the same events are to be handed over again.
  using Done = Offences::Done;

  struct Options {
    GoodRecords* good_records = nullptr;           // knows whom DNSBLs hit; null: nobody does
    TopCounts* top = nullptr;                      // is told of who guesses; likewise
    std::function<void(EventKind)> happened = {};  // is told of each event of a log that is new
  };

  // `offences` is configured, and told of this host's addresses, by others.
  EventEffects(store::Store& store, store::Records& records, Offences& offences, Offences::Say say);
  EventEffects(store::Store& store, store::Records& records, Offences& offences, Offences::Say say,
               const Options& options);
  ~EventEffects();

  // Before the first event, and at each reload.
  void configure(const conf::Settings& settings);

  // In their order. A batch whose seq is not above that of the last one of its source is passed over: it was handed
  // over before. `done` is called once, before this returns or later; must not throw. Of the store something may have
  // been asked: flush() it at the end of the turn.
  void take(EventBatch batch, Instant now, Done done);
  // Each second.
  void tick(Instant now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::policy
