#include <fmt/format.h>

#include <array>

#include "conf/settings_rows.hpp"
#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

using namespace std::chrono_literals;

// The store keeps what has smaller limits in narrower numbers, in another place than bytes that are counted without a
// limit (policy/mail_bomb_rule.cpp).
constexpr std::uint64_t fewest_bytes = std::uint64_t{64} << 10U;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 40U;

Result<std::uint64_t> parse_bytes(std::string_view text) {
  auto bytes = parse_size(text, most_bytes);
  if (!bytes || *bytes >= fewest_bytes) return bytes;
  return Error{fmt::format("`{}' is not allowed; write a size of at least {}", text, fewest_bytes)};
}

Result<When> parse_when(std::string_view text) {
  return text.empty() ? Result<When>(When()) : When::parse(text);
}

constexpr std::array table{
    Setting{
        .section = "mail_bomb",
        .name = "mode",
        .value = "monitor",
        .since = this_release,
        .help = "enforce; monitor: what would be put off is only logged; or off.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.mail_bomb.mode, parse_mode(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.mail_bomb.mode))}; },
    },
    Setting{
        .section = "mail_bomb",
        .name = "bytes",
        .value = "4000000",
        .since = this_release,
        .help = "More bytes than this, by the size that the messages had at their end, 64K to 1024G,",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.mail_bomb.bytes, parse_bytes(text)); },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.mail_bomb.bytes)}; },
    },
    Setting{
        .section = "mail_bomb",
        .name = "messages",
        .value = "20",
        .since = this_release,
        .help = "and more messages than this, 1 to 10000. What takes both over is delivered; the next is put off.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.mail_bomb.messages, parse_number(text, 1, 10'000));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.mail_bomb.messages)}; },
    },
    Setting{
        .section = "mail_bomb",
        .name = "window",
        .value = "1d",
        .since = this_release,
        .help = "Within this time, 1m to 31d.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.mail_bomb.window, parse_duration(text, 1min, 24h * 31));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.mail_bomb.window)}; },
    },
    Setting{
        .section = "mail_bomb",
        .name = "when",
        .value = "",
        .since = this_release,
        .help = "It concerns only mail for which all of this holds, as in [limit NAME]; empty: all mail. Who may send "
                "in bulk is left out so: sender not in news@shop.example list@club.example, or sender !~ "
                "@(shop|club)\\.example$ and client_name !~ \\.bulk\\.example$. A host may have Connect: OK as well. "
                "Bounces have the empty sender, which is one as any other: sender != \"\" leaves them out.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.mail_bomb.when, parse_when(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.mail_bomb.when.text}; },
    },
    Setting{
        .section = "mail_bomb",
        .name = "action",
        .value = "450 4.7.1 Too much mail from this sender to this mailbox, try again later",
        .since = this_release,
        .help = "What Postfix is told, as in [client_rate]. 421 and 521 end the session, and with it mail of others "
                "from the same host.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.mail_bomb.action, Action::parse(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.mail_bomb.action.to_string()}; },
    },
};

}  // namespace

std::span<const Setting> mail_bomb_settings() {
  return table;
}

}  // namespace mxwarden::conf
