#pragma once
// [bad_recipient_throttle]: holds back the answers to who has tried some recipients that do not exist in one message:
// after `after` of them (policy/recipient_watch.hpp) each further one in it, at RCPT with policy_context `pre`, DATA
// and END-OF-MESSAGE, for `delay`. It refuses nothing. Trusted, logged-in and exempt clients do not wait, nor does
// anybody while it is in doubt what a missing `post` means.

#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

inline constexpr std::string_view bad_recipient_throttle_name = "bad_recipient_throttle";

Rule make_bad_recipient_throttle_rule(const conf::Settings::BadRecipientThrottle& settings);

}  // namespace mxwarden::policy
