#pragma once
// [listing]: clients that a blocklist or our own findings have listed.
//
// They are refused at every command, from the first on, with the list's name and reason: 554; but 450 as long as one
// DNSBL alone has said so, and once. Trusted, exempt and logged-in clients are not concerned. Known in memory: no store
// is asked. HOLD as the action waits for MAIL.

#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

inline constexpr std::string_view listing_name = "listing";

Rule make_listing_rule(const conf::Settings::Listing& settings);

}  // namespace mxwarden::policy
