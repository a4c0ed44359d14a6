#include <array>

#include "conf/settings_rows.hpp"
#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

using namespace std::chrono_literals;

Result<void> read_mode(const Place& place, std::string_view text) {
  return put(place.limit->limit.mode, parse_mode(text));
}

Texts print_mode(const Source& from) {
  return {std::string(to_string(from.limit->mode))};
}

Result<void> read_limit(const Place& place, std::string_view text) {
  return read_limits(*place.limit, text);
}

Texts print_limit(const Source& from) {
  return {print_limits(*from.limit)};
}

Result<void> read_connections_limit(const Place& place, std::string_view text) {
  return read_one_limit(*place.limit, text);
}

Result<void> read_window(const Place& place, std::string_view text) {
  return read_windows(*place.limit, text);
}

Texts print_window(const Source& from) {
  return {print_windows(*from.limit)};
}

Result<void> read_action(const Place& place, std::string_view text) {
  return put(place.limit->limit.action, Action::parse(text));
}

Texts print_action(const Source& from) {
  return {from.limit->action.to_string()};
}

Result<void> read_stage(const Place& place, std::string_view text) {
  return put(place.limit->stage, parse_stage(text));
}

Texts print_stage(const Source& from) {
  return {std::string(to_string(from.limit->stage))};
}

constexpr std::array table{
    Setting{
        .section = "client",
        .name = "ipv4_prefix",
        .value = "32",
        .since = this_release,
        .help = "IPv4 addresses that are alike in so many bits are one client, 8 to 32.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.client.ipv4_prefix, parse_number(text, 8, 32)); },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.client.ipv4_prefix)}; },
    },
    Setting{
        .section = "client",
        .name = "ipv6_prefix",
        .value = "64",
        .since = this_release,
        .help = "The same for IPv6, 16 to 128. Every customer has at least a /64 to choose addresses from.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.client.ipv6_prefix, parse_number(text, 16, 128));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.client.ipv6_prefix)}; },
    },
    Setting{
        .section = "client",
        .name = "access",
        .value = "/etc/mxwarden/access",
        .since = this_release,
        .help =
            "The access table: who is exempt, who is refused, and who has limits of his own. Empty: there is none. It "
            "is read again at a reload.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.client.access, text.empty() ? text_value(text) : parse_path(text));
            },
        .print = [](const Source& from) -> Texts { return {from.settings.client.access}; },
    },
    Setting{
        .section = "client",
        .name = "trusted",
        .value = "127.0.0.0/8 ::1",
        .since = this_release,
        .help = "Addresses and nets that no rule about clients is meant for: loopback, mynetworks of Postfix, content "
                "filters, webmail, hosts that may send XCLIENT.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.client.trusted, parse_prefixes(text)); },
        .print = [](const Source& from) -> Texts { return {to_string(from.settings.client.trusted)}; },
    },
    Setting{
        .section = "client",
        .name = "never_ban",
        .value = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 fc00::/7 fe80::/10",
        .since = this_release,
        .help = "Addresses and nets that no rule may ban or list by itself, nor a net that holds one of them. An "
                "operator may.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.client.never_ban, parse_prefixes(text)); },
        .print = [](const Source& from) -> Texts { return {to_string(from.settings.client.never_ban)}; },
    },
    Setting{
        .section = "client",
        .name = "good_record",
        .value = "3/30d",
        .since = this_release,
        .help = "A client has a good record if so many of its messages reached END-OF-MESSAGE and were not refused "
                "within this time, 1s to 366d (Postfix must ask there: smtpd_end_of_data_restrictions); off: nobody "
                "has one. [guard] uses it.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.client.good_record, parse_rate(text, 1000, 366 * 24h));
            },
        .print = [](const Source& from) -> Texts { return {to_string(from.settings.client.good_record)}; },
    },
    Setting{
        .section = "client_conn",
        .name = "mode",
        .value = "enforce",
        .since = this_release,
        .help = "enforce; monitor: counts, logs what it would have answered, and lets pass; or off.",
        .read = read_mode,
        .print = print_mode,
    },
    Setting{
        .section = "client_conn",
        .name = "limit",
        .value = "20",
        .since = this_release,
        .help =
            "So many connections at a time; 0: no limit. Postfix's own smtpd_client_connection_count_limit (50) comes "
            "first, and holds for one node.",
        .read = read_connections_limit,
        .print = print_limit,
    },
    Setting{
        .section = "client_conn",
        .name = "action",
        .value = "421 4.7.0 Too many open connections from {client}, try again later",
        .since = this_release,
        .help = "What Postfix is told, as in [client_rate]. Other replies than 421 and 521 leave the connection open.",
        .read = read_action,
        .print = print_action,
    },
    Setting{
        .section = "client_rate",
        .name = "mode",
        .value = "enforce",
        .since = this_release,
        .help = "enforce; monitor: counts, logs what it would have answered, and lets pass; or off.",
        .read = read_mode,
        .print = print_mode,
    },
    Setting{
        .section = "client_rate",
        .name = "limit",
        .value = "60",
        .since = this_release,
        .help =
            "So many connections within `window'; 0: no limit. Several windows: limit = 60 600 and window = 60s 1h.",
        .read = read_limit,
        .print = print_limit,
    },
    Setting{
        .section = "client_rate",
        .name = "window",
        .value = "60s",
        .since = this_release,
        .help = "How long a connection counts, 1s to 366d; one for each limit.",
        .read = read_window,
        .print = print_window,
    },
    Setting{
        .section = "client_rate",
        .name = "action",
        .value = "421 4.7.0 Too many connections from {client}, try again later",
        .since = this_release,
        .help =
            "What Postfix is told: DUNNO; REJECT, DEFER, DEFER_IF_PERMIT, DEFER_IF_REJECT or HOLD with or without a "
            "text; or a reply such as `450 4.7.1 Text'. With 421 and 521 Postfix also hangs up. The text may have the "
            "placeholders {client} and {rule}.",
        .read = read_action,
        .print = print_action,
    },
    Setting{
        .section = "greet_pause",
        .name = "mode",
        .value = "off",
        .since = this_release,
        .help = "enforce; monitor: holds back as well, as else nothing would be known, logs what it would have "
                "answered, and lets pass; or off.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.greet_pause.mode, parse_mode(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.greet_pause.mode))}; },
    },
    Setting{
        .section = "greet_pause",
        .name = "pause",
        .value = "700ms",
        .since = this_release,
        .help = "How long the banner is held back, 1ms to 7s; with [server] answer_within less than 8s. An entry "
                "GreetPause: that asks for more waits as long as that allows.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.greet_pause.pause, parse_duration(text, 1ms, 7s));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.greet_pause.pause)}; },
    },
    Setting{
        .section = "greet_pause",
        .name = "action",
        .value = "554 5.5.1 You have talked before you were greeted",
        .since = this_release,
        .help =
            "What Postfix is told, as in [client_rate]. It says that in the place of the banner, and answers 503 to "
            "all that follows.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.greet_pause.action, Action::parse(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.greet_pause.action.to_string()}; },
    },
    Setting{
        .section = "message_recipients",
        .name = "mode",
        .value = "enforce",
        .since = this_release,
        .help = "enforce, monitor or off.",
        .read = read_mode,
        .print = print_mode,
    },
    Setting{
        .section = "message_recipients",
        .name = "limit",
        .value = "100",
        .since = this_release,
        .help = "So many recipients for each message; 0: no limit. RFC 5321 (section 4.5.3.1.8) asks for at least 100.",
        .read = read_limit,
        .print = print_limit,
    },
    Setting{
        .section = "message_recipients",
        .name = "action",
        .value = "452 4.5.3 Too many recipients in this message, send the rest in another",
        .since = this_release,
        .help = "What Postfix is told for each recipient over the limit.",
        .read = read_action,
        .print = print_action,
    },
    Setting{
        .section = "login_rate",
        .name = "mode",
        .value = "monitor",
        .since = this_release,
        .help = "enforce; monitor: counts, logs what it would have answered, and lets pass; or off.",
        .read = read_mode,
        .print = print_mode,
    },
    Setting{
        .section = "login_rate",
        .name = "limit",
        .value = "500",
        .since = this_release,
        .help = "So many recipients within `window'; 0: no limit. Several windows: limit = 100 500 and window = 1h 1d.",
        .read = read_limit,
        .print = print_limit,
    },
    Setting{
        .section = "login_rate",
        .name = "window",
        .value = "1d",
        .since = this_release,
        .help = "How long a recipient counts, 1s to 366d; one for each limit.",
        .read = read_window,
        .print = print_window,
    },
    Setting{
        .section = "login_rate",
        .name = "stage",
        .value = "RCPT",
        .since = this_release,
        .help = "When they are counted. RCPT: each as it is asked for, so that those over the limit are refused one by "
                "one, and a message that is refused later has counted nevertheless. DATA or END-OF-MESSAGE: those that "
                "a message has got by then, all of them or none. Postfix must ask at that stage.",
        .read = read_stage,
        .print = print_stage,
    },
    Setting{
        .section = "login_rate",
        .name = "action",
        .value = "450 4.7.1 Too many recipients for your login, try again later",
        .since = this_release,
        .help = "What Postfix is told, as in [client_rate]; with HOLD it accepts the message and keeps it in its hold "
                "queue until you have looked at it.",
        .read = read_action,
        .print = print_action,
    },
    Setting{
        .section = "login_messages",
        .name = "mode",
        .value = "monitor",
        .since = this_release,
        .help = "enforce, monitor or off.",
        .read = read_mode,
        .print = print_mode,
    },
    Setting{
        .section = "login_messages",
        .name = "limit",
        .value = "0",
        .since = this_release,
        .help = "So many messages within `window'; 0: no limit. One for each window.",
        .read = read_limit,
        .print = print_limit,
    },
    Setting{
        .section = "login_messages",
        .name = "window",
        .value = "1d",
        .since = this_release,
        .help = "How long a message counts, 1s to 366d; one for each limit.",
        .read = read_window,
        .print = print_window,
    },
    Setting{
        .section = "login_messages",
        .name = "stage",
        .value = "RCPT",
        .since = this_release,
        .help = "When a message is counted, once: MAIL, RCPT (at its first recipient, whatever becomes of it then), "
                "DATA or END-OF-MESSAGE (only what has come through so far). Postfix must ask at that stage.",
        .read = read_stage,
        .print = print_stage,
    },
    Setting{
        .section = "login_messages",
        .name = "action",
        .value = "450 4.7.1 Too many messages for your login, try again later",
        .since = this_release,
        .help = "What Postfix is told, as in [login_rate].",
        .read = read_action,
        .print = print_action,
    },
    Setting{
        .section = "login_sender",
        .name = "mode",
        .value = "monitor",
        .since = this_release,
        .help = "enforce, monitor or off.",
        .read = read_mode,
        .print = print_mode,
    },
    Setting{
        .section = "login_sender",
        .name = "limit",
        .value = "500",
        .since = this_release,
        .help = "So many such messages within `window', each once however many recipients it has; 0: no limit. One for "
                "each window.",
        .read = read_limit,
        .print = print_limit,
    },
    Setting{
        .section = "login_sender",
        .name = "window",
        .value = "1d",
        .since = this_release,
        .help = "How long a message counts, 1s to 366d; one for each limit.",
        .read = read_window,
        .print = print_window,
    },
    Setting{
        .section = "login_sender",
        .name = "map",
        .value = "",
        .since = this_release,
        .help =
            "A file of lines `login sender ...': further senders of a login, each an address or @domain. `#' begins "
            "a comment; a login may have several lines; case does not matter. Empty: there is none. It is read again "
            "at a reload.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.login_senders.map, text.empty() ? text_value(text) : parse_path(text));
            },
        .print = [](const Source& from) -> Texts { return {from.settings.login_senders.map}; },
    },
    Setting{
        .section = "login_sender",
        .name = "action",
        .value = "450 4.7.1 Too much mail with senders that are not your own, try again later",
        .since = this_release,
        .help = "What Postfix is told, as in [login_rate].",
        .read = read_action,
        .print = print_action,
    },
    Setting{
        .section = any_limit,
        .name = "key",
        .presence = Presence::required,
        .value = "sasl_username",
        .since = this_release,
        .help =
            "What is counted for itself: an attribute of Postfix's policy protocol, or several joined by `+', as in "
            "client_address/24 + sender.domain. `/24' or `/24/56' cuts an address (IPv4/IPv6), `.domain' takes what "
            "follows the last @. A key about the client does not concern trusted clients, nor logged-in ones unless "
            "`when' asks for them.",
        .read = [](const Place& place, std::string_view text) { return put(place.limit->limit.key, Key::parse(text)); },
        .print = [](const Source& from) -> Texts { return {from.limit->key.text}; },
    },
    Setting{
        .section = any_limit,
        .name = "count",
        .presence = Presence::required,
        .value = "recipients",
        .since = this_release,
        .help = "connections, messages, recipients, bytes, distinct recipients or distinct clients.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.limit->counted, parse_counted(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.limit->counted))}; },
    },
    Setting{
        .section = any_limit,
        .name = "stage",
        .presence = Presence::may_be_absent,
        .value = "RCPT",
        .since = this_release,
        .help = "When it is counted: CONNECT, MAIL, RCPT, DATA or END-OF-MESSAGE. If it is absent: CONNECT for "
                "connections, END-OF-MESSAGE for bytes, else RCPT. Postfix must ask at that stage.",
        .read = read_stage,
        .print = print_stage,
    },
    Setting{
        .section = any_limit,
        .name = "window",
        .presence = Presence::required,
        .value = "1h 1d",
        .since = this_release,
        .help = "One or several durations, 1s to 366d; or `message': within one message, for recipients only.",
        .read = read_window,
        .print = print_window,
    },
    Setting{
        .section = any_limit,
        .name = "limit",
        .presence = Presence::required,
        .value = "500 2000",
        .since = this_release,
        .help = "One for each window; 0: no limit. Bytes may be written as 500K, 4M or 1G. For distinct recipients and "
                "distinct clients at most 1000.",
        .read = read_limit,
        .print = print_limit,
    },
    Setting{
        .section = any_limit,
        .name = "when",
        .presence = Presence::may_be_absent,
        .value = "logged in and server_port in 587 465",
        .since = this_release,
        .help =
            "The limit concerns only requests for which all of this holds, joined by `and': logged in; not logged in; "
            "an attribute or `listener' with =, !=, in, not in (values, without regard to case) or with ~, !~ (a "
            "regular expression in RE2 syntax). A value with blanks stands in double quotes.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.limit->limit.when, When::parse(text)); },
        .print = [](const Source& from) -> Texts { return {from.limit->when.text}; },
    },
    Setting{
        .section = any_limit,
        .name = "action",
        .value = "450 4.7.1 Limit {rule} exceeded, try again later",
        .since = this_release,
        .help = "What Postfix is told, as in [client_rate].",
        .read = read_action,
        .print = print_action,
    },
    Setting{
        .section = any_limit,
        .name = "mode",
        .value = "enforce",
        .since = this_release,
        .help = "enforce, monitor or off.",
        .read = read_mode,
        .print = print_mode,
    },
};

}  // namespace

std::span<const Setting> client_settings() {
  return table;
}

}  // namespace mxwarden::conf
