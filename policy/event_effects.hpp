#pragma once
// What the events of a mail log lead to:
//   login_succeeded                    a relay grant, of POP3 and IMAP logins ([relay_grant])
//   blocklist_reject                   a listing by that DNSBL, for [listing] dnsbl_ttl
//   sender_forged helo_forged spam_trap  a listing of our own
//   recipient_unknown                  counted ([bad_recipient] source = log): who guesses is listed and banned
//   recipient_accepted                 counts on the other side of that
// One that lists a client that is listed already is an attempt of it (policy/repeat_offender.hpp). All others are
// counted, and lead to a line in the log.
//
// An event has its line's own time: a grant ends at login + ttl, and what is over by now does nothing, so that reading
// last week's log opens and bans nothing. A time in the future counts as now.
//
// Each record follows once from an event, however often it is handed over: a record keeps, of each source, the position
// up to which that source's events are in it (store::Record::sources). Counts are not kept so.
//
// Threads: one, that of the requests. What it is made with must outlive it, and the store and the records must not
// finish anything for it after its end.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "conf/access_table.hpp"
#include "conf/settings.hpp"
#include "policy/mail_event.hpp"
#include "policy/offences.hpp"
#include "store/records.hpp"
#include "store/store.hpp"

namespace mxwarden::policy {

class EventEffects {
 public:
  // A line for the log, as Offences says them: what an event has led to, or why it has not.
  using Say = std::function<void(log::Level, std::string)>;
  // Without an error: all records that follow are kept. With one: the same events are to be handed over again.
  using Done = std::function<void(Result<void>)>;

  EventEffects(store::Store& store, store::Records& records, Say say);
  ~EventEffects();

  // Before the first event, and at each reload.
  void configure(const conf::Settings& settings, std::shared_ptr<const conf::AccessTable> access);
  // This host's.
  void set_own_addresses(std::vector<Address> own);

  // In their order. `source` names whose positions these are. `done` is called once, before this returns or later; must
  // not throw. Of the store something may have been asked: flush() it at the end of the turn.
  void take(std::string_view source, std::vector<MailEvent> events, Instant now, Done done);
  // Each second.
  void tick(Instant now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::policy
