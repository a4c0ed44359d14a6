#pragma once
// The one limit mechanism. [client_rate], [message_recipients], [login_rate], [login_messages] and every [limit NAME]
// are rows of it; [login_sender] is one with a condition of its own (policy/login_sender_rule.hpp).
//
// What is counted, and when:
//   connections          once a session, at its first request of any state
//   messages             once a message, at its first request in the limit's stage
//   recipients           at RCPT: once for each distinct recipient of a message; at DATA and at END-OF-MESSAGE: by
//                        recipient_count
//   bytes                once a message: size, as declared before END-OF-MESSAGE and as it was there
//   distinct recipients  different ones of all the key's messages, at RCPT
//   distinct clients     different ones of the key
// With `recipient` in its key, messages, bytes and distinct clients count once for each recipient of a message.
// A limit does not concern a request that lacks an attribute of its key (no login, no client name, the address
// `unknown`), that `when` leaves out, or, if its key is about the client, a trusted or logged-in client (unless key or
// `when` ask for a login). What was refused is asked about again when it comes again; what was let pass is not.

#include <optional>

#include "conf/access_table.hpp"
#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

// `override_tag`: entries of the access table that replace the limits for a client or a login: a number for each
// window; a single one replaces the first window's, and the other windows' in proportion; 0: no limit at all.
Rule make_limit_rule(const conf::Limit& limit, const conf::Settings::Client& client,
                     std::optional<conf::AccessTag> override_tag);

}  // namespace mxwarden::policy
