#pragma once
// One question of Postfix's, parsed (SMTPD_POLICY_README). A view: the text belongs to the connection's buffer and
// stays until the answer was given.

#include <array>
#include <cstdint>
#include <string_view>

#include "base/attribute.hpp"

namespace mxwarden::policy {

struct Request {
  std::array<std::string_view, attribute_names.size()> values{};  // empty: unknown, or not sent
  ProtocolState state = ProtocolState::other;                     // protocol_state, parsed
  std::string_view listener;                                      // the name of the listener it came in by
  std::uint64_t policy_connection = 0;                            // which connection of Postfix's, never used again
  std::uint32_t peer_pid = 0;                                     // of smtpd, on a unix socket (SO_PEERCRED); else 0

  std::string_view& operator[](Attribute attribute) { return values[static_cast<std::size_t>(attribute)]; }
  std::string_view operator[](Attribute attribute) const { return values[static_cast<std::size_t>(attribute)]; }

  // sasl_username is there: smtpd has verified a login.
  bool logged_in() const { return !(*this)[Attribute::sasl_username].empty(); }
};

// A decimal attribute (size, recipient_count). Not a number, or empty: 0. Too large: the largest.
std::uint64_t to_number(std::string_view value);

}  // namespace mxwarden::policy
