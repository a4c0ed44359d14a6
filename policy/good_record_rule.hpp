#pragma once
// Counts the messages of a client that reach END-OF-MESSAGE and are not refused, for [client] good_record. Has nothing
// to say to anybody. The last rule of the table, so that it is not asked about what a rule before it refuses at once; a
// message that a limit of another entity (a sender) refuses there is counted nevertheless.

#include <string>

#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

inline constexpr std::string_view good_record_name = "good_record";

Rule make_good_record_rule(const conf::Rate& good_record);

// The messages of `client` that the rule counts: n more, or with 0 a look.
void write_good_record(store::Count& count, const std::string& client, const conf::Rate& good_record, std::uint64_t n);

}  // namespace mxwarden::policy
