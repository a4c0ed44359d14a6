#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "conf/settings_rows.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

using namespace std::chrono_literals;

constexpr std::array table{
    Setting{
        .section = "firewall",
        .name = "mode",
        .value = "enforce",
        .since = this_release,
        .help = "monitor: what would be dropped is only logged. off: nothing is done. In both the table is removed.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.firewall.mode, parse_mode(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.firewall.mode))}; },
    },
    Setting{
        .section = "firewall",
        .name = "table",
        .value = "mxwarden",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "The name of its nftables table, of family inet: 1 to 32 letters, digits and `_', no digit first. All "
                "that is in it is mxwarden-firewall's own.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.firewall.table, parse_nft_name(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.firewall.table}; },
    },
    Setting{
        .section = "firewall",
        .name = "hook",
        .value = "input",
        .since = this_release,
        .help = "Where packets are looked at: input, as they come to this host; prerouting, before addresses are "
                "translated; forward, on a router before the MX.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.firewall.hook, parse_hook(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.firewall.hook))}; },
    },
    Setting{
        .section = "firewall",
        .name = "priority",
        .value = "-10",
        .since = this_release,
        .help = "Of the chain among others of the hook, -500 to 500; `filter' is 0. What is dropped here no later "
                "chain can accept.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.firewall.priority, parse_priority(text)); },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.firewall.priority)}; },
    },
    Setting{
        .section = "firewall",
        .name = "ports",
        .value = "25",
        .since = this_release,
        .help = "The TCP ports that a banned client cannot connect to, 1 to 16 of them. Connections that are open stay "
                "open.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.firewall.ports, parse_ports(text)); },
        .print = [](const Source& from) -> Texts {
          return {fmt::format("{}", fmt::join(from.settings.firewall.ports, " "))};
        },
    },
    Setting{
        .section = "firewall",
        .name = "min_ban",
        .value = "10m",
        .since = this_release,
        .help = "Shorter bans do not go to the kernel, 1s to 365d: mxwardend alone refuses then.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.firewall.min_ban, parse_duration(text, 1s, 24h * 365));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.firewall.min_ban)}; },
    },
    Setting{
        .section = "firewall",
        .name = "max_elements",
        .value = "1000000",
        .since = this_release,
        .help = "So many bans go to the kernel at most, 1 to 4000000; of more the one that ends soonest gives way. "
                "A million takes about 90 MB of the kernel's memory with IPv4, 130 MB with IPv6.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.firewall.max_elements, parse_number(text, 1, 4'000'000));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.firewall.max_elements)}; },
    },
};

}  // namespace

std::span<const Setting> firewall_settings() {
  return table;
}

}  // namespace mxwarden::conf
