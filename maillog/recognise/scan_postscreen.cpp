#include "maillog/recognise/scan_postscreen.hpp"

#include <array>

#include "maillog/recognise/reject_line.hpp"
#include "maillog/recognise/reject_reason.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

Recognised event_in_session(const Scan& scan, EventKind kind, const Peer& peer, std::string_view reason) {
  auto recognised = event_of(kind, peer.address, peer.name);
  recognised.event->again = scan.memory.again(SessionKey::of_client(peer), peer.address, kind);
  recognised.event->reason = copied(reason);
  return recognised;
}

Recognised connected(const Scan& scan, Cursor text) {
  const auto peer = take_peer(text);
  if (!peer || !text.take(" to [")) return unknown();
  scan.memory.begin_session(SessionKey::of_client(*peer), peer->address);
  return event_of(EventKind::connect, peer->address);
}

Recognised disconnected(const Scan& scan, Cursor text) {
  const auto peer = take_peer(text);
  if (!peer || !text.at_end()) return unknown();
  scan.memory.end_session(SessionKey::of_client(*peer));
  return event_of(EventKind::disconnect, peer->address);
}

// `NEW [ADDR]:PORT'
Recognised passed(const Scan& scan, Cursor text) {
  if (!text.take_word()) return unknown();
  if (const auto peer = take_peer(text)) scan.memory.end_session(SessionKey::of_client(*peer));
  return known();
}

// `20 after 0.1 from [ADDR]:PORT: TEXT'
Recognised talked_early(const Scan& scan, Cursor text) {
  if (!text.take_number() || !text.take(" after ") || !text.take_word() || !text.take("from ")) return unknown();
  const auto peer = take_peer(text);
  if (!peer || !text.take(": ")) return unknown();
  return event_in_session(scan, EventKind::pregreet, *peer, text.rest());
}

// `[ADDR]:PORT after COMMAND: TEXT'; the command is the client's.
Recognised misspoke(const Scan& scan, EventKind kind, Cursor text) {
  const auto peer = take_peer(text);
  if (!peer || !text.take(" after ")) return unknown();
  text.take_to(": ");
  return event_in_session(scan, kind, *peer, text.rest());
}

// By a list, or else for what other lines have said already.
Recognised rejected(const Scan& scan, Cursor text) {
  const auto line = parse_reject(text.rest(), TailForm::postscreen);
  if (!line) return known();
  Cursor reply(line->reply);
  if (!reply.take("Service unavailable; client [")) return known();
  const auto what = reply.take_to("] blocked using ");
  if (!what || Address::parse(*what) != line->peer.address) return known();
  const auto list = reply.take_while([](char c) { return c != ';' && c != ' '; });
  if (list.empty()) return known();
  auto recognised = event_in_session(scan, EventKind::blocklist_reject, line->peer, {});
  auto& event = *recognised.event;
  event.list = copied(list);
  if (line->tail) put_tail(*line->tail, event);
  return recognised;
}

constexpr std::array<std::string_view, 23> known_begins{"HANGUP ",
                                                        "DNSBL rank ",
                                                        "WHITELISTED ",
                                                        "BLACKLISTED ",
                                                        "ALLOWLISTED ",
                                                        "DENYLISTED ",
                                                        "WHITELIST VETO ",
                                                        "ALLOWLIST VETO ",
                                                        "WHITELIST-",
                                                        "BARE NEWLINE ",
                                                        "COMMAND TIME LIMIT ",
                                                        "COMMAND COUNT LIMIT ",
                                                        "COMMAND LENGTH LIMIT ",
                                                        "NOQUEUE: ",
                                                        "cache ",
                                                        "entering STRESS mode",
                                                        "leaving STRESS mode",
                                                        "close database ",
                                                        "table ",
                                                        "using backwards-compatible ",
                                                        "warning: ",
                                                        "fatal: ",
                                                        "error: "};

}  // namespace

Recognised scan_postscreen(const Scan& scan) {
  Cursor text(scan.line.text);
  if (text.take("CONNECT from ")) return connected(scan, text);
  if (text.take("DISCONNECT ")) return disconnected(scan, text);
  if (text.take("PASS ")) return passed(scan, text);
  if (text.take("PREGREET ")) return talked_early(scan, text);
  if (text.take("NON-SMTP COMMAND from ")) return misspoke(scan, EventKind::non_smtp_command, text);
  if (text.take("COMMAND PIPELINING from ")) return misspoke(scan, EventKind::improper_pipelining, text);
  if (text.take("NOQUEUE: reject: ")) return rejected(scan, text);
  for (const auto begin : known_begins) {
    if (text.take(begin)) return known();
  }
  return unknown();
}

}  // namespace mxwarden::maillog
