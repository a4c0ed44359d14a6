#pragma once
// What speaks against a client, as a mail log tells it, and the listing that comes of it. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "conf/settings.hpp"
#include "policy/mail_event.hpp"
#include "store/record.hpp"

namespace mxwarden::policy {

struct Finding {
  std::string list;    // a DNSBL, or one of our own: the event's name, or `bad_recipient`
  std::string reason;  // for the client to read
  WallTime at{};       // to the millisecond
  std::uint64_t position = 0;
  bool of_dnsbl = false;
  std::chrono::milliseconds lasts{};  // of the listing: our own after its last hit, a DNSBL's after its last word
  std::optional<Duration> ban;        // that comes with it
};

// The client's listing with this hit: it lists, or is an attempt of who is listed already (policy/repeat_offender.hpp).
// What an operator has listed keeps his words and ends when he says. `before` is the listing in force, or null.
store::Record found(const Finding& finding, const Prefix& net, std::string_view client_name,
                    const store::Record* before, const conf::Settings::RepeatOffender& settings);

// What an event has against its client; nothing: it has nothing that lists. `at` is its time, of which none is in the
// future.
std::optional<Finding> finding_of(const MailEvent& event, WallTime at, const conf::Settings::Listing& settings);

// A DNSBL's answer that is no listing: an error that it tells every client of (Spamhaus' 127.255.255.x and its texts,
// and what others say to who asks too much, or from a public resolver).
bool is_dnsbl_error(std::string_view reason);

}  // namespace mxwarden::policy
