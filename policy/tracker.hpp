#pragma once
// Which SMTP session and which message a request belongs to, and what of it was counted already.
//
// Postfix asks about the same connection, message or recipient as often as restriction lists and contexts name the
// policy service; each is to be counted once. It never says that a session has ended. So the tracker keeps:
//   session    (client_address, client_port, server_address, server_port); without a port, client_address and smtpd's
//              pid, from `instance` or the unix socket's peer. Starts anew at XCLIENT; at a CONNECT after anything
//              else; when the message number at the end of `instance` goes back, for a client may come again from the
//              same port; and at the fourth CONNECT in a row, or one after ten seconds, which is more than a
//              restriction list asks.
//   message    `instance`, which is empty at MAIL with smtpd_delay_reject=no: what follows names it. At END-OF-MESSAGE
//              also queue_id, as a refused END-OF-MESSAGE does not end the transaction.
//   recipient  within its message, by canonical form (policy/identity.hpp). Those that a rule wants to know of when the
//              message has come in full are also kept by name, as Postfix names none to END-OF-MESSAGE if there are
//              several.
//
// Of a recipient asked about with policy_context `pre` that was told DUNNO, the same question with `post` is to follow,
// if it exists. That it did not is shown by whatever the same SMTP session asks next, as smtpd is done with the RCPT
// by then; a session that ends shows nothing. What the message's end says of accepted recipients is held against it.
//
// Pure: a machine of (request, now). Bounded: of more than `max_sessions` the one idle longest is forgotten, as is one
// idle for `idle`; 1,000 recipients of a message are known apart (fewer when a million are known in all), of those
// beyond only the last one. Names take at most 16 KiB of a message, and each its part of the million; those beyond are
// not kept.
// BUGS: without a port and over TCP, a session's CONNECT (which has no `instance`) and its RCPTs are two. Two MAILs
// with one sender and nothing between (a RSET is not seen) are one message until their recipients come.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "policy/request.hpp"

namespace mxwarden::policy {

// A rule that counts connections or messages marks those it has counted with its own bit.
using RuleMask = std::uint64_t;
inline constexpr std::size_t most_counting_rules = 64;

// What the tracker knows of a request, before any rule has spoken.
struct View {
  std::optional<Address> client;  // client_address; nothing for the word `unknown`
  bool new_session = false;       // its first request
  bool new_message = false;       // its first request
  bool new_recipient = false;     // RCPT: not among those of the message that were let pass
  bool delivered = false;         // END-OF-MESSAGE: of this message one was let pass already
  RuleMask connection_counted_by = 0;
  RuleMask message_counted_by = 0;
  RuleMask recipient_counted_by = 0;
  std::uint32_t message_recipients = 0;  // distinct ones let pass so far, without this
  // The client's at this node, this one included; 0: nobody counts them. The tracker does not know: see Connections.
  std::uint32_t connections = 0;

  bool found = false;  // the `post` of a recipient: it exists
  std::string missed;  // a recipient of this session whose `post` has not come; empty: none
  // More recipients of the message were accepted than had their `post`: that one was missed says nothing.
  bool denies_missed = false;
  // Of recipients that were missed, as RecipientWatch has it, not the tracker: this one may not exist.
  bool suspected = false;
  bool in_doubt = false;                // some that do exist were missed lately
  std::uint32_t message_suspected = 0;  // so many recipients of this message, this one included

  // Where the tracker finds it again.
  std::uint32_t session = 0;
  std::uint32_t generation = 0;  // of the session's place; 0: nowhere
  std::uint64_t recipient = 0;   // its canonical form, hashed
  std::uint64_t message = 0;     // `instance`, hashed; 0: it has none
  std::uint64_t missed_in = 0;   // that of `missed`
  // The session that this request shows to be over.
  std::uint32_t ended_session = 0;
  std::uint32_t ended_generation = 0;  // 0: none
};

// What came of it.
struct Settled {
  RuleMask connection_counted_by = 0;
  RuleMask message_counted_by = 0;
  RuleMask recipient_counted_by = 0;
  std::optional<bool> let_pass;       // the recipient, or the message at its end; nothing: no rule was to judge it
  std::string_view awaits_post = {};  // the recipient, if its `post` is to follow
  std::string_view recipient = {};  // as Postfix has named it: to be kept by name if it was let pass; empty: it is not
};

// An established TCP connection, as the kernel lists it.
struct TcpConnection {
  Address client;
  std::uint16_t client_port = 0;
  Address server;
  std::uint16_t server_port = 0;
};

class Tracker {
 public:
  struct Options {
    std::size_t max_sessions = 100'000;
    Duration idle = std::chrono::hours(1);
    std::uint64_t seed = 0;  // of the hashes: random in a daemon, so that nobody can choose names that collide
  };

  explicit Tracker(const Options& options);
  ~Tracker();

  // `before` is what the same policy connection asked last, or null: smtpd serves one session at a time, so another one
  // now means that the former is over.
  View see(const Request& request, const View* before, Instant now);
  // What see() would tell, without a `before`; nothing changes.
  View preview(const Request& request, Instant now) const;
  // Once for each view, when the answer is known. A session that is gone by then is passed over.
  void settle(const View& view, const Settled& settled);
  // Of the message that `view` of `request` is about: the recipients that are kept by name, and, if Postfix names one,
  // that alone. Each once, in canonical form; valid until the tracker is told anything.
  std::vector<std::string_view> recipients(const View& view, const Request& request) const;

  // At start: sessions that are there already are not new, so that a restart refuses nobody.
  void adopt(std::span<const TcpConnection> connections, Instant now);
  // The rules' bits mean something else now: all that is known counts as counted.
  void rules_changed();

  // Forgets idle sessions; bounded work.
  void tick(Instant now);
  std::size_t sessions() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::policy
