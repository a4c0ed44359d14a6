#pragma once
// [login_sender]: a login that sends as somebody else. A limit on the messages of a login whose sender is not its own.
//
// A sender is the login's own if it has the login's domain, or the map lists it or its domain for the login. Not
// counted: the null sender; a sender without a domain, which Postfix completes with a domain of ours; and a login
// without a domain that the map does not name. What is counted, and once, is as policy/limit_rule.hpp says.

#include <memory>

#include "conf/limit.hpp"
#include "conf/sender_map.hpp"
#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

// `listed`: null for no map.
Rule make_login_sender_rule(const conf::Limit& limit, const conf::Settings::Client& client,
                            std::shared_ptr<const conf::SenderMap> listed);

}  // namespace mxwarden::policy
