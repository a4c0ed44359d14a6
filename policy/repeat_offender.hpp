#pragma once
// A listed client that keeps coming ([repeat_offender]). Pure functions of its listing.
//
// An attempt is one SMTP session that was refused because of the listing, or that a log tells of as having earned it
// anew; what a session goes on with that was under way when its client was listed is none. Attempts without a quiet
// spell of the rate's interval between them are a period. One that has more of them than the rate admits in the
// intervals it has begun, or more attempts in all than `total`, earns a ban; while one is noted in the listing no other
// is earned, so that a burst of sessions is banned once. Each ban is `growth` times as long as the one before; a client
// that stays away for max_ban after its last ban and attempt begins with the shortest again. Its total stays: over it,
// each attempt earns a ban.
//
// Attempts come from several nodes, whose clocks may differ by a minute; a time that is further back means that a clock
// was set, and a new period begins there.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "conf/settings.hpp"
#include "store/record.hpp"

namespace mxwarden::policy {

inline constexpr std::string_view repeat_offender_name = "repeat_offender";

// `listing` with one attempt more. An empty name: it is not known now. What lasts after its last hit lasts longer.
store::Record attempted(const store::Record& listing, WallTime at, std::string_view client_name,
                        const conf::Settings::RepeatOffender& settings);

struct BanDue {
  std::string_view rule = repeat_offender_name;  // a literal
  Duration length{};
  std::string reason;  // `2 attempts in 12s', for people
};

// What its attempts up to `at` have earned; nothing: it may go on, or is banned already.
std::optional<BanDue> ban_due(const store::Listing& listing, WallTime at,
                              const conf::Settings::RepeatOffender& settings);

// `listing` with that ban noted in it. One that ends at its `until` whatever comes does so, also before its ban.
store::Record banned(const store::Record& listing, WallTime at, const BanDue& due);

// The ban that was noted in a listing at that time, put together with the ban of the same net that is in force, or
// null; nothing: that one stays, as it is an operator's or lasts longer.
std::optional<store::Record> noted_ban(const store::Record& listing, WallTime at, const BanDue& due,
                                       const store::Record* before);

}  // namespace mxwarden::policy
