#pragma once
// What mxwardend tells on bans.follow (server/control_bans.hpp), a line taken apart and checked. Pure.
//
// Whatever mxwardend is or has become, nothing but nets, times and numbers comes through here: a line that is anything
// else is an error, and who reads it leaves the stream. Members that are not known are passed over, as a newer
// mxwardend may have more to say.

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace mxwarden::firewall {

// What is longer is cut to it.
inline constexpr Duration longest_ban = std::chrono::hours(24) * 3650;

struct Ban {
  Prefix net;
  Duration left{};                 // until its end; above zero
  std::optional<Duration> length;  // from its beginning to its end, not less than `left`; nothing: not told
};

namespace told {

struct Following {};  // {"ok":true}: the stream begins
struct SnapshotBegins {
  std::int64_t epoch = 0;
};
struct InSnapshot {
  Ban ban;
};
struct SnapshotEnds {};
struct Added {
  Ban ban;
};
struct Removed {
  Prefix net;
};
struct Heartbeat {
  std::int64_t epoch = 0;
};

}  // namespace told

using Told = std::variant<told::Following, told::SnapshotBegins, told::InSnapshot, told::SnapshotEnds, told::Added,
                          told::Removed, told::Heartbeat>;

// What makes mxwardend tell it.
inline constexpr std::string_view follow_request = R"({"op":"bans.follow"})";

// The error says what is wrong, and holds nothing of the line but what is printable of its beginning; or that
// mxwardend does not let us follow.
Result<Told> parse_told(std::string_view line);

// What mxwardend has answered to anything else. The error: it has not done it, and says why.
Result<void> parse_answer(std::string_view line);

}  // namespace mxwarden::firewall
