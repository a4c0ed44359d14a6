#pragma once
// What can be asked at the control socket: one JSON object in, one out. No socket; server/control_server.hpp has it.
//
//   {"op":"status"}
//   {"op":"records.list","kind":"ban|grant|listing"}    after: net, most: number; or covers: address
//       -> {"ok":true,"records":[...],"next":net}       next: there are more, to be asked for with "after":next
//   {"op":"records.add","kind":"ban","net":...,"for_ms":...,"reason":...}          force: true
//   {"op":"records.add","kind":"grant","net":address,"login":...}                  for_ms
//   {"op":"records.add","kind":"listing","net":address,"list":...,"reason":...}    for_ms; the client's prefix is
//   listed
//       -> {"ok":true,"record":{...}}                   once it will survive
//   {"op":"records.remove","kind":...,"net":...}        -> {"ok":true,"removed":true|false,"net":...}
//   {"op":"explain","attributes":{"client_address":...,"protocol_state":"RCPT",...}}    listener
//       -> {"ok":true,"action":...,"rule":...,"store":...,"new_session":true|false,"rules":[...]}
//                                                       what the request would be answered now; nothing is counted.
//                                                       rule: that decides, or none does. Of each rule: rule, mode,
//                                                       says: answers|would answer|counts|passes|not asked; why it
//                                                       passes; behind: another decides before it; action; counts:
//                                                       entity, adds, count, limit, window_ms (none: how many there are
//                                                       now), over, recorded (it would be), retry_after_ms (null:
//                                                       never); record; access: key and line of the entry it goes by
//   {"op":"top","by":"rejected|rate|login|banned|network|bad-recipients"}  since_ms; most: number; nodes: "this" or
//   "all"
//       -> {"ok":true,"by":...,"since_ms":...,"covers_ms":...,"floor":...,"nodes":[...],"silent":[...],
//           "entries":[{"client":...,"count":...,"error":...,"rule":...,"last":...}],"next":rank}
//                                                   policy/top_counts.hpp: what is counted; policy/top_list.hpp: what
//                                                   the figures promise; `login', `network' in the place of `client'.
//                                                   `alone': why other nodes could not be asked; next: as above, to be
//                                                   asked for with "from":next and the answer's "list"; partial: nodes
//                                                   that have counted for less long
//   {"op":"event","source":...,"seq":N,"events":[{...}]}    lines, unknown: of the log, since the last time, for
//   /metrics
//       -> {"ok":true,"seq":N}                          what a mail log tells (policy/mail_event.hpp), 1,000 events at
//                                                       most, once all records that follow survive. A seq that is not
//                                                       above the last of its source is passed over, and so is in each
//                                                       record an event that is in it already. An error that begins
//                                                       with `event N:' is about that one, and stays if it is sent
//                                                       again; after any other the same is to be sent again
//   {"op":"reload"}                                     -> {"ok":true,"warnings":[...]}, if there are any
//   {"op":"decisions.follow"}                           server/control_decisions.hpp
//       -> {"ok":true}, then a line for each decision
//   {"op":"bans.follow"}                                server/control_bans.hpp
//       -> {"ok":true}, then all bans, and a line for each that comes or goes
//   {"op":"firewall.report","mode":...,"healthy":true|false,...}    server/control_firewall.hpp
//
// Whom the mode of the socket lets in may do everything, but for the users of the log follower (event) and of the
// firewall (bans.follow, firewall.report), as [server] names them.
//
// A record is what store::to_text() writes. Whatever goes wrong is {"ok":false,"error":"..."}, a sentence that names
// the member and what it may be. Members that an operation does not know are wrong, so that a slip of the pen does
// nothing else than what was meant. What was changed is logged with the uid of who asked.
//
// Limits: an answer has 64 KiB with its line feed; a page of records has as many as fit. A record that alone would not
// is shown with fewer of its logins. Nesting beyond 32 is refused by the parser.
//
// Threads: one, that of the requests. What it is made with must outlive it.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "conf/settings.hpp"
#include "policy/event_effects.hpp"
#include "policy/explanation.hpp"
#include "server/control_stream.hpp"
#include "server/decision_feed.hpp"
#include "server/firewall_report.hpp"
#include "server/recorder.hpp"
#include "store/records.hpp"

namespace mxwarden::server {

class Tops;

struct ControlStatus {
  std::string backend;
  bool store_up = true;
  Duration uptime{};
  std::size_t connections = 0;       // of Postfix, for its questions
  std::size_t sessions = 0;          // SMTP sessions that are tracked
  std::size_t smtp_connections = 0;  // open ones, as client_conn counts them
  std::vector<std::string> spared;   // rules that a guard keeps from clients with a good record
  Recorder::Totals totals;
};

// What a peer may do, by its uid.
struct ControlUsers {
  std::optional<uid_t> maillog;  // nothing: there is no such user
  std::optional<uid_t> firewall;
};

// Who asks: SO_PEERCRED of the connection.
struct ControlPeer {
  std::optional<uid_t> uid;  // nothing: the kernel would not say
  bool may_follow = true;    // false: as many streams run as may
};

class ControlOperations {
 public:
  static constexpr std::size_t longest_answer = 65536;

  // Of a mail log.
  struct LogLines {
    std::uint64_t read = 0;
    std::uint64_t unknown = 0;  // no recogniser knew them
  };

  struct Daemon {
    store::Records& records;
    const Clock& clock;
    const conf::Settings& settings;  // those in force, also after a reload
    DecisionFeed& decisions;
    Tops& tops;
    LastFirewallReport& firewall;
    std::function<ControlStatus()> status;
    // What is to be warned of. The error names every fault.
    std::function<Result<std::vector<std::string>>()> reload;
    // As Pipeline::explain, in a turn of its own.
    std::function<void(policy::Explanation&, policy::Explanation::Done)> explain;
    // As EventEffects::take, likewise.
    std::function<void(policy::EventBatch, const LogLines&, policy::EventEffects::Done)> take_events;
    std::function<ControlUsers()> users;
  };

  // Called once for each request, at once or later; one line, without its line feed. Must not throw. What it holds may
  // live as long as the records.
  using Answered = std::function<void(std::string)>;

  explicit ControlOperations(Daemon daemon) : daemon_(std::move(daemon)) {}

  // `first`: of its connection; the answer then says which protocol this is. What is returned goes on after the answer,
  // which was given then; null: that was all, or will be.
  std::unique_ptr<ControlStream> answer(std::string_view request, const ControlPeer& peer, bool first,
                                        Answered answered);

  // An answer of an error, for what never became a request.
  static std::string error(std::string_view sentence, bool first);

 private:
  Daemon daemon_;
};

}  // namespace mxwarden::server
