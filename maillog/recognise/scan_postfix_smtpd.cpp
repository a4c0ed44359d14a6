#include "maillog/recognise/scan_postfix_smtpd.hpp"

#include <array>

#include "maillog/recognise/reject_line.hpp"
#include "maillog/recognise/reject_reason.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

SessionKey session_of(const Scan& scan) {
  return SessionKey::of_process(scan.line.pid);
}

Recognised event_in_session(const Scan& scan, EventKind kind, const Peer& peer) {
  auto recognised = event_of(kind, peer.address, peer.name);
  recognised.event->again = scan.memory.again(session_of(scan), peer.address, kind);
  return recognised;
}

Recognised connected(const Scan& scan, Cursor text) {
  const auto peer = take_peer(text);
  if (!peer || !text.at_end()) return known();  // `unknown[unknown]'
  scan.memory.begin_session(session_of(scan), peer->address);
  return event_of(EventKind::connect, peer->address, peer->name);
}

Recognised disconnected(const Scan& scan, Cursor text) {
  scan.memory.end_session(session_of(scan));
  const auto peer = take_peer(text);
  if (!peer || (!text.at_end() && !text.take(" "))) return known();
  auto recognised = event_of(EventKind::disconnect, peer->address, peer->name);
  recognised.event->reason = copied(text.rest());
  return recognised;
}

// `improper command pipelining after EHLO from NAME[ADDR]: MAIL FROM...', the text since 2.8
Recognised pipelined(const Scan& scan, Cursor text) {
  if (!text.take_to(" from ")) return unknown();
  const auto peer = take_peer(text);
  if (!peer) return unknown();
  auto recognised = event_in_session(scan, EventKind::improper_pipelining, *peer);
  if (text.take(": ")) recognised.event->reason = copied(text.rest());
  return recognised;
}

Recognised non_smtp_command(const Scan& scan, Cursor text) {
  const auto peer = take_peer(text);
  if (!peer || !text.take(": ")) return unknown();
  auto recognised = event_in_session(scan, EventKind::non_smtp_command, *peer);
  recognised.event->reason = copied(text.rest());
  return recognised;
}

// xsasl_dovecot_server.c: whether the password was right is not known.
bool is_fault_of_ours(std::string_view reason) {
  return reason.ends_with(" to authentication server");
}

// `NAME[ADDR]: SASL PLAIN authentication failed: REASON, sasl_username=USER', the user since 3.7. The method is a word
// of the client's, the reason the server's, and the user is all that follows.
Recognised login_failed(Cursor text) {
  constexpr std::string_view mark = ", sasl_username=";
  constexpr std::string_view not_known = "(unavailable)";
  const auto peer = take_peer(text);
  if (!peer || !text.take(": SASL ") || !text.take_word() || !text.take("authentication failed")) return known();
  text.take(": ");
  const auto end = text.rest().find(mark);
  const auto reason = text.rest().substr(0, end);
  if (is_fault_of_ours(reason)) return known();
  auto recognised = event_of(EventKind::login_failed, peer->address, peer->name);
  recognised.event->service = "smtp";
  recognised.event->reason = copied(reason);
  if (end != std::string_view::npos) {
    const auto login = text.rest().substr(end + mark.size());
    if (login != not_known) recognised.event->login = copied(login);
  }
  return recognised;
}

Recognised warned(const Scan& scan, Cursor text) {
  if (text.take("non-SMTP command from ")) return non_smtp_command(scan, text);
  return login_failed(text);
}

// `NAME[ADDR], sasl_method=PLAIN, sasl_username=USER, sasl_sender=..., orig_queue_id=..., orig_client=NAME[ADDR]'. What
// a content filter hands in is the message of whom it names by XFORWARD, which only hosts that are trusted may say.
Recognised message_of(const Scan& scan, const QueueId& id, Cursor text) {
  const auto peer = take_peer(text);
  if (!peer) return unknown();
  auto owner = *peer;
  if (text.take(", orig_queue_id=")) text.take_while(is_letter_or_digit);
  if (text.take(", orig_client=")) {
    if (const auto original = take_peer(text)) owner = *original;
  }
  scan.memory.begin_message(id,
                            {.client = owner.address, .client_name = copied(owner.name), .session = session_of(scan)});
  if (!text.take(", sasl_method=") || !text.take_to(", sasl_username=")) return known();
  const auto login = text.rest().substr(0, text.rest().find(", sasl_sender="));
  auto recognised = event_of(EventKind::login_succeeded, peer->address, peer->name);
  recognised.event->service = "smtp";
  recognised.event->login = copied(login);
  return recognised;
}

Recognised rejected(const Scan& scan, std::string_view text) {
  const auto line = parse_reject(text, TailForm::smtpd);
  if (!line) return known();
  const auto reason = reason_of(*line, scan.settings);
  if (reason.ours) return ours();
  if (!reason.kind) return known();
  auto recognised = event_in_session(scan, *reason.kind, line->peer);
  auto& event = *recognised.event;
  event.list = copied(reason.list);
  event.reason = copied(reason.text);
  event.recipient = copied(reason.recipient);
  if (line->tail) put_tail(*line->tail, event);
  return recognised;
}

// Behind `QUEUEID: ' or `NOQUEUE: '.
constexpr std::array<std::string_view, 18> known_of_message{
    "reject_warning: ",  "warn: ",         "hold: ",         "discard: ",
    "filter: ",          "redirect: ",     "info: ",         "prepend: ",
    "replace: ",         "bcc: ",          "delay: ",        "permit",
    "milter-",           "proxy-accept: ", "proxy-reject: ", "lost connection ",
    "client disconnect", "client="};

Recognised about_message(const Scan& scan, std::string_view id_text, Cursor text) {
  if (text.take("reject: ")) return rejected(scan, text.rest());
  if (text.take("improper command pipelining after ")) return pipelined(scan, text);
  const auto id = QueueId::parse(id_text);
  if (!id) return unknown();
  if (id_text != "NOQUEUE" && text.take("client=")) return message_of(scan, *id, text);
  for (const auto begin : known_of_message) {
    if (text.take(begin)) return known();
  }
  return unknown();
}

constexpr std::array<std::string_view, 22> known_begins{"lost connection ",
                                                        "timeout ",
                                                        "too many errors ",
                                                        "Anonymous TLS ",
                                                        "Untrusted TLS ",
                                                        "Trusted TLS ",
                                                        "Verified TLS ",
                                                        "setting up TLS ",
                                                        "SSL_accept ",
                                                        "TLS ",
                                                        "discarding EHLO keywords: ",
                                                        "using backwards-compatible ",
                                                        "statistics: ",
                                                        "table ",
                                                        "proxy-",
                                                        "hangup after ",
                                                        "xsasl_",
                                                        "initializing the server-side TLS engine",
                                                        "connect to ",
                                                        "fatal: ",
                                                        "error: ",
                                                        "panic: "};

}  // namespace

Recognised scan_postfix_smtpd(const Scan& scan) {
  Cursor text(scan.line.text);
  if (text.take("connect from ")) return connected(scan, text);
  if (text.take("disconnect from ")) return disconnected(scan, text);
  if (text.take("warning: ")) return warned(scan, text);
  if (text.take("improper command pipelining after ")) return pipelined(scan, text);
  for (const auto begin : known_begins) {
    if (text.take(begin)) return known();
  }
  const auto id = text.take_while(is_letter_or_digit);
  if (!id.empty() && text.take(": ")) return about_message(scan, id, text);
  return unknown();
}

}  // namespace mxwarden::maillog
