#pragma once
// The one form in which addresses and names are compared and counted. Pure.

#include <string>
#include <string_view>

#include "base/address.hpp"

namespace mxwarden::policy {

// Each form is appended to a text that its caller uses again and again, as every request needs several.

// A-labels (RFC 5891), lower case, no trailing dot. What IDNA refuses is only put in lower case: a stranger may write
// anything.
void append_canonical_domain(std::string& to, std::string_view domain);

enum class LocalPart { as_written, lower_case };

// The address as Postfix sends it (unquoted, so it is split at the last @): canonical domain; the local part as
// written, or in lower case where the recipient is ours. An address without @ is all local part.
void append_canonical_address(std::string& to, std::string_view address, LocalPart local_part);

// What follows the last @, canonical; nothing without one.
void append_domain_of(std::string& to, std::string_view address);

// The client as an entity of the store: `client:192.0.2.7`, `client:2001:db8::/64`.
void append_client_entity(std::string& to, const Address& address, int ipv4_prefix, int ipv6_prefix);

// `192.0.2.7`, `2001:db8::/64`
void append_masked(std::string& to, const Address& address, int ipv4_prefix, int ipv6_prefix);

}  // namespace mxwarden::policy
