#pragma once
// The vocabulary of Postfix's policy protocol (SMTPD_POLICY_README): attribute names and protocol states, verbatim.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mxwarden {

// In the order in which Postfix 3.7 sends them.
enum class Attribute : std::uint8_t {
  request,
  protocol_state,
  protocol_name,
  client_address,
  client_name,
  client_port,
  reverse_client_name,
  server_address,
  server_port,
  helo_name,
  sender,
  recipient,
  recipient_count,
  queue_id,
  instance,
  size,
  etrn_domain,
  stress,
  sasl_method,
  sasl_username,
  sasl_sender,
  ccert_subject,
  ccert_issuer,
  ccert_fingerprint,
  ccert_pubkey_fingerprint,
  encryption_protocol,
  encryption_cipher,
  encryption_keysize,
  policy_context,
};

inline constexpr std::array<std::string_view, 29> attribute_names{"request",
                                                                  "protocol_state",
                                                                  "protocol_name",
                                                                  "client_address",
                                                                  "client_name",
                                                                  "client_port",
                                                                  "reverse_client_name",
                                                                  "server_address",
                                                                  "server_port",
                                                                  "helo_name",
                                                                  "sender",
                                                                  "recipient",
                                                                  "recipient_count",
                                                                  "queue_id",
                                                                  "instance",
                                                                  "size",
                                                                  "etrn_domain",
                                                                  "stress",
                                                                  "sasl_method",
                                                                  "sasl_username",
                                                                  "sasl_sender",
                                                                  "ccert_subject",
                                                                  "ccert_issuer",
                                                                  "ccert_fingerprint",
                                                                  "ccert_pubkey_fingerprint",
                                                                  "encryption_protocol",
                                                                  "encryption_cipher",
                                                                  "encryption_keysize",
                                                                  "policy_context"};

constexpr std::string_view to_string(Attribute attribute) {
  return attribute_names[static_cast<std::size_t>(attribute)];
}

// Nothing for a name this release does not know: a later Postfix may send more.
constexpr std::optional<Attribute> find_attribute(std::string_view name) {
  for (std::size_t at = 0; at < attribute_names.size(); ++at) {
    if (attribute_names[at] == name) return static_cast<Attribute>(at);
  }
  return std::nullopt;
}

// What smtpd is about to decide. XCLIENT is sent though SMTPD_POLICY_README does not list it: the client restrictions
// run again after an XCLIENT command. `other` is what a later Postfix may add.
enum class ProtocolState : std::uint8_t {
  connect,
  ehlo,
  helo,
  mail,
  rcpt,
  data,
  end_of_message,
  vrfy,
  etrn,
  xclient,
  other
};

inline constexpr std::array<std::string_view, 10> protocol_state_names{
    "CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", "XCLIENT"};

constexpr ProtocolState parse_protocol_state(std::string_view name) {
  for (std::size_t at = 0; at < protocol_state_names.size(); ++at) {
    if (protocol_state_names[at] == name) return static_cast<ProtocolState>(at);
  }
  return ProtocolState::other;
}

}  // namespace mxwarden
