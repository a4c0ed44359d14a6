#pragma once
// Who fills a mailbox ([mail_bomb]): a client that delivers more than `messages` messages, and more than `bytes` bytes,
// from one sender to one recipient within `window`.
//
// Counted is what was delivered: messages that no rule of ours refused at END-OF-MESSAGE, each once, with the size they
// had there, for each recipient that was let pass at RCPT; after the decision. Judged is at RCPT, before DATA,
// whichever restriction lists ask there, and only by looking; so what is put off is never counted, and it is let in
// again when enough of what was delivered is older than the window (retry_after is that of the number that falls
// first).
//
// Put off is nothing wider than what was counted: this client's mail of this sender to this recipient. A big provider's
// host goes on delivering everybody else's, a forged sender puts off nobody's real mail from elsewhere, and the other
// recipients of a message get it. The null sender is one as any other: a host's bounces to a mailbox.
//
// Exempt are trusted and logged-in clients, those with `Connect: OK`, and what `when` leaves out, as it is at RCPT:
// that goes neither judged nor counted. A recipient that Postfix refuses after us (one that does not exist,
// greylisting, a full mailbox) is counted with those of its message that it accepts, unless END-OF-MESSAGE names the
// one that is left.
//
// Its counts bind nothing: one number over its limit is no refusal. So with [redis] `on_error = defer` nobody is put
// off for want of them.
//
// Limits: of a message the first 100 recipients are counted. Messages that come at once are all judged before one is
// counted: as many more get in as there are sessions. A later restriction, a milter or a filter that refuses a message
// after us does not take back what was counted, but the same message at its end once more is not counted again.
// BUGS: a sender of another spelling for each message (VERP, BATV) is another sender each time.

#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

inline constexpr std::string_view mail_bomb_name = "mail_bomb";

Rule make_mail_bomb_rule(const conf::Settings::MailBomb& settings);

}  // namespace mxwarden::policy
