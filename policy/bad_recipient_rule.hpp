#pragma once
// [bad_recipient] with source = inline: puts off who has just tried too many recipients that do not exist.
//
// Counts, of clients that are neither trusted, logged in nor exempt, those that are suspected
// (policy/recipient_watch.hpp), at whatever request shows it, and those that were accepted, at their `post`. At RCPT
// with policy_context `pre` it judges (policy/bad_recipient.hpp), unless it is in doubt what a missing `post` means.
// What becomes of who goes on, is policy/event_effects.hpp's.

#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

// Recipients whose `post` is to follow, when they are told DUNNO.
bool is_before_lookup(const Request& request);

Rule make_bad_recipient_rule(const conf::Settings::BadRecipient& settings);

}  // namespace mxwarden::policy
