#include "maillog/recognise/reject_reason.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

constexpr std::string_view recipient_rejected = "Recipient address rejected: ";
constexpr std::string_view sender_rejected = "Sender address rejected: ";
constexpr std::string_view helo_rejected = "Helo command rejected: ";
constexpr std::string_view client_rejected = "Client host rejected: ";
constexpr std::string_view data_rejected = "Data command rejected: ";
constexpr std::string_view end_of_data_rejected = "End-of-data rejected: ";
constexpr std::string_view relay_denied = "Relay access denied";

// A reply `<X>: PHRASE TEXT' with X taken off.
struct Decorated {
  std::string_view phrase;
  std::string_view text;
};

// `<X>: PHRASE', where X is `what`.
std::optional<Decorated> behind(std::string_view reply, std::string_view what, std::string_view phrase) {
  Cursor cursor(reply);
  if (!cursor.take("<") || !cursor.take(what) || !cursor.take(">: ") || !cursor.take(phrase)) return std::nullopt;
  return Decorated{phrase, cursor.rest()};
}

std::optional<Decorated> undecorated(std::string_view reply, const Peer& peer, const RejectTail& tail) {
  struct Candidate {
    std::optional<std::string_view> what;
    std::string_view phrase;
  };
  const std::array<Candidate, 8> candidates{{{tail.recipient, recipient_rejected},
                                             {tail.recipient, relay_denied},
                                             {tail.sender, sender_rejected},
                                             {tail.helo, helo_rejected},
                                             {peer.text, client_rejected},
                                             {peer.without_port(), client_rejected},
                                             {"DATA", data_rejected},
                                             {"END-OF-MESSAGE", end_of_data_rejected}}};
  for (const auto& candidate : candidates) {
    if (!candidate.what) continue;
    if (auto found = behind(reply, *candidate.what, candidate.phrase)) return found;
  }
  return std::nullopt;
}

// ` [mxw:RULE]' at the end, as policy/reply.hpp writes it.
bool is_marked(std::string_view text) {
  constexpr std::string_view mark = " [mxw:";
  if (!text.ends_with(']')) return false;
  const auto at = text.rfind(mark);
  if (at == std::string_view::npos) return false;
  const auto rule = text.substr(at + mark.size(), text.size() - at - mark.size() - 1);
  const auto belongs = [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.'; };
  return !rule.empty() && std::ranges::all_of(rule, belongs);
}

bool says_one_of(std::string_view text, const std::vector<std::string>& wanted) {
  return std::ranges::any_of(wanted, [&](const auto& part) { return text.find(part) != std::string_view::npos; });
}

bool is_permanent(const RejectLine& line) {
  return line.code.starts_with('5');
}

// A verified address that does not exist: whose server has said so, and its words, follow.
bool is_from_probe(std::string_view text) {
  return text.starts_with("undeliverable address") || text.starts_with("unverified address");
}

// 4xx means that a table is down, or that an address has not been verified yet.
bool says_unknown_recipient(const RejectLine& line, std::string_view text) {
  if (!is_permanent(line)) return false;
  return text.starts_with("User unknown") ||
         (line.status.starts_with("5.1.") && text.starts_with("undeliverable address"));
}

std::optional<EventKind> kind_of_text(std::string_view text, const conf::Settings::Maillog& settings) {
  if (is_from_probe(text)) return std::nullopt;
  if (says_one_of(text, settings.spam_trap_texts)) return EventKind::spam_trap;
  if (says_one_of(text, settings.helo_forged_texts)) return EventKind::helo_forged;
  if (says_one_of(text, settings.sender_forged_texts)) return EventKind::sender_forged;
  return std::nullopt;
}

std::optional<EventKind> kind_of(const RejectLine& line, const Decorated& reply,
                                 const conf::Settings::Maillog& settings) {
  if (reply.phrase == relay_denied) return EventKind::relay_denied;
  if (reply.phrase == recipient_rejected && says_unknown_recipient(line, reply.text)) {
    return EventKind::recipient_unknown;
  }
  if (reply.phrase == sender_rejected && reply.text.starts_with("Domain not found")) {
    return EventKind::sender_domain_unknown;
  }
  return kind_of_text(reply.text, settings);
}

// `Service unavailable; Client host [192.0.2.7] blocked using LIST; TEXT', of default_rbl_reply. A client is not what a
// list says of a sender's domain or a HELO name.
std::optional<RejectReason> from_list(const RejectLine& line) {
  Cursor cursor(line.reply);
  if (!cursor.take("Service unavailable; Client host [")) return std::nullopt;
  const auto what = cursor.take_to("] blocked using ");
  if (!what || (Address::parse(*what) != line.peer.address && *what != line.peer.name)) return std::nullopt;
  RejectReason reason{.ours = false, .kind = EventKind::blocklist_reject, .list = {}, .recipient = {}, .text = {}};
  reason.list = cursor.take_while([](char c) { return c != ';' && c != ' '; });
  if (reason.list.empty()) return std::nullopt;
  // Up to here nothing is a stranger's.
  if (cursor.take("; ")) reason.text = line.sure ? cursor.rest() : cursor.rest().substr(0, find_tail(cursor.rest()));
  return reason;
}

// Where `words' stand, whoever has written them. What is in front of them then is what the reply is about.
std::optional<std::string_view> about(std::string_view rest, std::string_view words) {
  const auto at = rest.find(words);
  if (!rest.starts_with('<') || at == std::string_view::npos || at == 0) return std::nullopt;
  return rest.substr(1, at - 1);
}

void guess(const RejectLine& line, RejectReason& reason) {
  const auto says = [&](std::string_view words) {
    const auto what = about(line.rest, words);
    if (what) reason.recipient = *what;
    return what.has_value();
  };
  if (line.status == "5.1.1" && is_permanent(line)) {
    if (says(">: Recipient address rejected: User unknown") ||
        says(">: Recipient address rejected: undeliverable address")) {
      reason.kind = EventKind::recipient_unknown;
    }
  } else if (line.status.ends_with(".7.1")) {
    if (says(">: Relay access denied")) reason.kind = EventKind::relay_denied;
  } else if (line.status.ends_with(".1.8")) {
    if (about(line.rest, ">: Sender address rejected: Domain not found")) {
      reason.kind = EventKind::sender_domain_unknown;
    }
  }
}

}  // namespace

RejectReason reason_of(const RejectLine& line, const conf::Settings::Maillog& settings) {
  if (auto listed = from_list(line)) return *listed;
  RejectReason reason{.ours = false, .kind = {}, .list = {}, .recipient = {}, .text = line.reply};
  const auto reply = line.tail ? undecorated(line.reply, line.peer, *line.tail) : std::nullopt;
  if (reply) reason.text = reply->text.empty() ? reply->phrase : reply->text;
  if (line.sure && reply) {
    reason.ours = !is_from_probe(reply->text) && is_marked(reply->text);
    if (!reason.ours) reason.kind = kind_of(line, *reply, settings);
  }
  if (!reason.ours && !reason.kind) guess(line, reason);
  return reason;
}

void put_tail(const RejectTail& tail, policy::MailEvent& event) {
  if (tail.sender) event.sender = copied(*tail.sender);
  if (tail.recipient) event.recipient = copied(*tail.recipient);
  if (tail.helo) event.helo = copied(*tail.helo);
}

}  // namespace mxwarden::maillog
