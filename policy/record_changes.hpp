#pragma once
// How records come to be: what an operator, a login or a list says, put together with the record that was there of the
// same kind and net. Pure: what is returned is for a store::Records to put.
//
// `before` is that record, in force, or null. Texts are as store::to_text() would leave them: UTF-8 of
// store::longest_record_text bytes at most; others are for the caller to refuse or to cut.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "store/record.hpp"

namespace mxwarden::policy {

struct OperatorsBan {
  Prefix net;
  std::string_view reason;
  WallTime at{};
  WallTime until{};
};

// Takes the place of any ban of this net, also of one that would last longer: an operator's word is the last. Its
// offences are one more.
store::Record operators_ban(const OperatorsBan& wanted, const store::Record* before);

struct Login {
  Address address;
  std::string_view name;
  WallTime at{};
  WallTime until{};  // when the grant of this login alone ends
};

// A login that is known is refreshed, an unknown one is added. The end of a grant only grows. Of more than
// store::most_record_logins logins the one that is oldest by its last gives way.
store::Record granted(const Login& login, const store::Record* before);

struct OperatorsListing {
  Prefix net;  // client_net() of an address
  std::string_view list;
  std::string_view reason;
  WallTime at{};
  WallTime until{};
  std::chrono::milliseconds lasts{};  // after later hits; zero: it ends at `until` whatever comes
};

// An operator's word is no hit. The list, the reason and how long it lasts are the new ones, and the end only grows.
store::Record operators_listing(const OperatorsListing& wanted, const store::Record* before);

// What a client is counted and listed by: its address, or the prefix it is known by. A net that is wider stays.
Prefix client_net(const Prefix& net, int ipv4_prefix, int ipv6_prefix);

// A sentence that names what the ban would hit and why that is not wanted; nothing: it may be. A ban of what is trusted
// as a whole would do nothing, so that may not even be forced.
std::optional<std::string> why_no_ban(const Prefix& net, std::span<const Prefix> trusted, bool force);

// Private addresses (is_private()) have none, as a whole house may be behind them; trusted ones need none. A sentence,
// or nothing: it may have one.
std::optional<std::string> why_no_grant(const Address& address, std::span<const Prefix> trusted);

}  // namespace mxwarden::policy
