#pragma once
// Why smtpd has refused, by the words that Postfix and its configuration put into the reply. Almost every reply names
// what it is about in front, as the stranger wrote it, `<X>: Recipient address rejected: ...'; the server's own text
// begins behind an X that is exactly what the tail says. Of a line whose tail is not sure the status says what it is
// about, which no stranger writes, and the words are looked for wherever they stand: he cannot hide them, and what he
// adds is against himself. Such a line is never taken for a refusal of ours, nor for one that gets an address listed
// at once.

#include <optional>

#include "conf/settings.hpp"
#include "maillog/recognise/reject_line.hpp"
#include "policy/mail_event.hpp"

namespace mxwarden::maillog {

struct RejectReason {
  bool ours = false;  // mxwardend's own
  std::optional<policy::EventKind> kind;
  std::string_view list;       // of a DNSBL's
  std::string_view recipient;  // as the reply says it, for when there is no tail
  std::string_view text;       // what the client was told, without X
};

RejectReason reason_of(const RejectLine& line, const conf::Settings::Maillog& settings);

// The addresses and the HELO name that it tells.
void put_tail(const RejectTail& tail, policy::MailEvent& event);

}  // namespace mxwarden::maillog
