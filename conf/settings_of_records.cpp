#include <array>

#include "conf/settings_rows.hpp"
#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

using namespace std::chrono_literals;

constexpr std::array table{
    Setting{
        .section = "relay_grant",
        .name = "mode",
        .value = "off",
        .since = this_release,
        .help = "enforce: a grant permits; monitor: it is only logged; or off.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.relay_grant.mode, parse_mode(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.relay_grant.mode))}; },
    },
    Setting{
        .section = "relay_grant",
        .name = "ttl",
        .value = "30m",
        .since = this_release,
        .help = "How long a grant lasts after the last login, 1s to 1d.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.relay_grant.ttl, parse_duration(text, 1s, 24h));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.relay_grant.ttl)}; },
    },
    Setting{
        .section = "listing",
        .name = "mode",
        .value = "enforce",
        .since = this_release,
        .help = "enforce, monitor or off.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.listing.mode, parse_mode(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.listing.mode))}; },
    },
    Setting{
        .section = "listing",
        .name = "ttl",
        .value = "90d",
        .since = this_release,
        .help = "How long a listing lasts after its last hit, 1m to 3650d.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.listing.ttl, parse_duration(text, 1min, 24h * 3650));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.listing.ttl)}; },
    },
    Setting{
        .section = "listing",
        .name = "dnsbl_ttl",
        .value = "1d",
        .since = this_release,
        .help = "How long what a DNSBL has rejected stays listed after the DNSBL's last word, 1m to 3650d. Our own "
                "refusals "
                "do not prolong it: the DNSBL is to be asked again.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.listing.dnsbl_ttl, parse_duration(text, 1min, 24h * 3650));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.listing.dnsbl_ttl)}; },
    },
    Setting{
        .section = "listing",
        .name = "action",
        .value =
            "554 5.7.1 Your IP address has been blacklisted by {list}. Visit their website or write to argue. {reason}",
        .since = this_release,
        .help = "What Postfix is told, as in [client_rate]; {list} and {reason} stand for what the listing says.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.listing.action, Action::parse(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.listing.action.to_string()}; },
    },
    Setting{
        .section = "repeat_offender",
        .name = "mode",
        .value = "enforce",
        .since = this_release,
        .help = "enforce; monitor: attempts are counted and a ban is only logged; or off.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.repeat_offender.mode, parse_mode(text)); },
        .print = [](const Source& from) -> Texts {
          return {std::string(to_string(from.settings.repeat_offender.mode))};
        },
    },
    Setting{
        .section = "repeat_offender",
        .name = "rate",
        .value = "1/30s",
        .since = this_release,
        .help = "More attempts than this ban for rate_ban: 1/30s is more than one in 30 seconds. They are counted anew "
                "after a quiet spell of that time, 1s to 366d; off: no rate bans.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.repeat_offender.rate, parse_rate(text, 1'000'000, 366 * 24h));
            },
        .print = [](const Source& from) -> Texts { return {to_string(from.settings.repeat_offender.rate)}; },
    },
    Setting{
        .section = "repeat_offender",
        .name = "rate_ban",
        .value = "30m",
        .since = this_release,
        .help = "How long, 1s to 3650d.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.repeat_offender.rate_ban, parse_duration(text, 1s, 24h * 3650));
            },
        .print = [](const Source& from) -> Texts {
          return {mxwarden::to_string(from.settings.repeat_offender.rate_ban)};
        },
    },
    Setting{
        .section = "repeat_offender",
        .name = "total",
        .value = "50",
        .since = this_release,
        .help = "More attempts than this in all, since it was listed, ban for total_ban, 0 to 1000000000; 0: no total "
                "bans.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.repeat_offender.total, parse_number(text, 0, 1'000'000'000));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.repeat_offender.total)}; },
    },
    Setting{
        .section = "repeat_offender",
        .name = "total_ban",
        .value = "7d",
        .since = this_release,
        .help = "How long, 1s to 3650d.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.repeat_offender.total_ban, parse_duration(text, 1s, 24h * 3650));
            },
        .print = [](const Source& from) -> Texts {
          return {mxwarden::to_string(from.settings.repeat_offender.total_ban)};
        },
    },
    Setting{
        .section = "repeat_offender",
        .name = "growth",
        .value = "2",
        .since = this_release,
        .help = "Each further ban is so many times as long as the one before, 1 to 100. A client that makes no attempt "
                "for max_ban after the end of its last ban begins with the shortest again.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.repeat_offender.growth, parse_number(text, 1, 100));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.repeat_offender.growth)}; },
    },
    Setting{
        .section = "repeat_offender",
        .name = "max_ban",
        .value = "30d",
        .since = this_release,
        .help = "No ban is longer, 1s to 3650d.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.repeat_offender.max_ban, parse_duration(text, 1s, 24h * 3650));
            },
        .print = [](const Source& from) -> Texts {
          return {mxwarden::to_string(from.settings.repeat_offender.max_ban)};
        },
    },
    Setting{
        .section = "repeat_offender",
        .name = "alert",
        .value = "25",
        .since = this_release,
        .help = "At so many attempts in all the log has a warning of the client, 0 to 1000000000; 0: never.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.repeat_offender.alert, parse_number(text, 0, 1'000'000'000));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.repeat_offender.alert)}; },
    },
    Setting{
        .section = "bad_recipient",
        .name = "mode",
        .value = "enforce",
        .since = this_release,
        .help = "enforce; monitor: what would be done is only logged; or off.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.bad_recipient.mode, parse_mode(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.bad_recipient.mode))}; },
    },
    Setting{
        .section = "bad_recipient",
        .name = "source",
        .value = "inline",
        .since = this_release,
        .help = "Who tells of recipients: log is the mail log, by mxwarden-maillog; inline is what Postfix asks: with "
                "policy_context=pre right before reject_unlisted_recipient, with policy_context=post right behind it.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.bad_recipient.source, parse_bad_recipient_source(text));
            },
        .print = [](const Source& from) -> Texts {
          return {std::string(to_string(from.settings.bad_recipient.source))};
        },
    },
    Setting{
        .section = "bad_recipient",
        .name = "distinct",
        .value = "5",
        .since = this_release,
        .help = "More distinct unknown recipients than this, 1 to 100.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.bad_recipient.distinct, parse_number(text, 1, 100));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.bad_recipient.distinct)}; },
    },
    Setting{
        .section = "bad_recipient",
        .name = "share",
        .value = "50%",
        .since = this_release,
        .help = "And more than this share of the distinct recipients that the client has tried, unknown and accepted, "
                "1% to 100%; 100% is never.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.bad_recipient.share, parse_share(text)); },
        .print = [](const Source& from) -> Texts { return {share_text(from.settings.bad_recipient.share)}; },
    },
    Setting{
        .section = "bad_recipient",
        .name = "rate",
        .value = "off",
        .since = this_release,
        .help = "More tries of unknown recipients than this do as well, whatever their share: 1/30s is more than one "
                "in 30 seconds; off: no rate does. A list server with two stale addresses is caught by 1/30s.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.bad_recipient.rate, parse_rate(text, 10'000, 366 * 24h));
            },
        .print = [](const Source& from) -> Texts { return {to_string(from.settings.bad_recipient.rate)}; },
    },
    Setting{
        .section = "bad_recipient",
        .name = "forget",
        .value = "3d",
        .since = this_release,
        .help = "How long a recipient that was tried is remembered, 1m to 366d.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.bad_recipient.forget, parse_duration(text, 1min, 24h * 366));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.bad_recipient.forget)}; },
    },
    Setting{
        .section = "bad_recipient",
        .name = "confirm",
        .value = "60s",
        .since = this_release,
        .help = "With source = inline a recipient is only suspected at first, which puts the client off, for this "
                "long; after that it counts as unknown as soon as another one of its domain was accepted since, within "
                "an hour, if none that exists was missed. 1s to 10m.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.bad_recipient.confirm, parse_duration(text, 1s, 10min));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.bad_recipient.confirm)}; },
    },
    Setting{
        .section = "bad_recipient",
        .name = "ban",
        .value = "7d",
        .since = this_release,
        .help = "How long who guesses is banned, 1s to 3650d.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.bad_recipient.ban, parse_duration(text, 1s, 24h * 3650));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.bad_recipient.ban)}; },
    },
    Setting{
        .section = "bad_recipient",
        .name = "action",
        .value = "450 4.7.1 Too many recipients that do not exist; try again later",
        .since = this_release,
        .help = "With source = inline, what Postfix is told at the next recipients of who has tried too many, as in "
                "[client_rate].",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.bad_recipient.action, Action::parse(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.bad_recipient.action.to_string()}; },
    },
    Setting{
        .section = "bad_recipient_throttle",
        .name = "mode",
        .value = "off",
        .since = this_release,
        .help = "enforce; monitor: who would wait is only logged; or off.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.bad_recipient_throttle.mode, parse_mode(text)); },
        .print = [](const Source& from) -> Texts {
          return {std::string(to_string(from.settings.bad_recipient_throttle.mode))};
        },
    },
    Setting{
        .section = "bad_recipient_throttle",
        .name = "after",
        .value = "2",
        .since = this_release,
        .help = "After so many recipients of a message that do not exist, 1 to 100.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.bad_recipient_throttle.after, parse_number(text, 1, 100));
            },
        .print = [](const Source& from) -> Texts {
          return {std::to_string(from.settings.bad_recipient_throttle.after)};
        },
    },
    Setting{
        .section = "bad_recipient_throttle",
        .name = "delay",
        .value = "1s",
        .since = this_release,
        .help = "So long, 10ms to 2500ms. Postfix waits ten seconds for an answer.",
        .read =
            [](const Place& place, std::string_view text) {
              // With the longest answer_within less than the eight seconds that timeout=10s leaves.
              return put(place.settings.bad_recipient_throttle.delay, parse_duration(text, 10ms, 2500ms));
            },
        .print = [](const Source& from) -> Texts {
          return {mxwarden::to_string(from.settings.bad_recipient_throttle.delay)};
        },
    },
    Setting{
        .section = "guard",
        .name = "bans_per_minute",
        .value = "100",
        .since = this_release,
        .help = "So many bans a minute this node makes by itself, 0 to 100000; what would be more is only logged. A "
                "rule that suddenly hits everybody is stopped so.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.guard.bans_per_minute, parse_number(text, 0, 100'000));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.guard.bans_per_minute)}; },
    },
    Setting{
        .section = "guard",
        .name = "good_record_share",
        .value = "5%",
        .since = this_release,
        .help = "A rule that refuses, or would, more than this share of the clients with a good record that came "
                "within ten minutes, and five of them at least, spares these until it no longer would: it only logs "
                "what it would have answered them. 1% to 100%, which is never.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.guard.good_record_share, parse_share(text)); },
        .print = [](const Source& from) -> Texts { return {share_text(from.settings.guard.good_record_share)}; },
    },
    Setting{
        .section = "guard",
        .name = "dnsbl_share",
        .value = "95%",
        .since = this_release,
        .help = "A DNSBL that lists more than this share of the clients that came within ten minutes, and of at least "
                "50, is taken for one that lists everybody: nothing is learnt from it until it no longer does. 1% to "
                "100%, which is never.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.guard.dnsbl_share, parse_share(text)); },
        .print = [](const Source& from) -> Texts { return {share_text(from.settings.guard.dnsbl_share)}; },
    },
    Setting{
        .section = "guard",
        .name = "max_listings",
        .value = "100000",
        .since = this_release,
        .help = "With so many listings no rule makes a new one, and the log has an alert: whoever has many addresses "
                "must not fill the store. 0 to 10000000. A listing takes about 1 KB.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.guard.max_listings, parse_number(text, 0, 10'000'000));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.guard.max_listings)}; },
    },
    Setting{
        .section = "guard",
        .name = "widest_ipv4",
        .value = "24",
        .since = this_release,
        .help = "No rule bans or lists a wider net by itself, 8 to 32.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.guard.widest_ipv4, parse_number(text, 8, 32)); },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.guard.widest_ipv4)}; },
    },
    Setting{
        .section = "guard",
        .name = "widest_ipv6",
        .value = "56",
        .since = this_release,
        .help = "The same for IPv6, 16 to 128.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.guard.widest_ipv6, parse_number(text, 16, 128));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.guard.widest_ipv6)}; },
    },
};

}  // namespace

std::span<const Setting> record_settings() {
  return table;
}

}  // namespace mxwarden::conf
