#include "conf/settings_table.hpp"

#include <array>
#include <utility>

#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

template <class Member, class Value>
Result<void> put(Member& member, Result<Value> value) {
  if (!value) return value.error();
  member = static_cast<Member>(std::move(*value));
  return {};
}

Result<void> read_http(const Place& place, std::string_view text) {
  if (!text.empty()) return put(place.settings.server.http, parse_endpoint(text));
  place.settings.server.http.reset();
  return {};
}

Result<void> read_listen(const Place& place, std::string_view text) {
  auto listen = parse_listen(text);
  if (!listen) return listen.error();
  place.settings.server.listen.push_back(std::move(*listen));
  return {};
}

Texts print_listen(const Source& from) {
  Texts texts;
  for (const auto& listen : from.settings.server.listen) texts.push_back(to_string(listen));
  return texts;
}

// A path alone, of a length that a unix socket can have. Empty: none.
Result<void> read_control(const Place& place, std::string_view text) {
  auto& control = place.settings.server.control;
  control = text;
  if (text.empty()) return {};
  if (text.find(',') != std::string_view::npos) return Error{"the control socket takes a path alone, without a comma"};
  const auto endpoint = parse_endpoint("unix:" + control);
  return endpoint ? Result<void>() : endpoint.error();
}

// Empty: none.
Result<void> read_path(std::string& to, std::string_view text) {
  if (!text.empty()) return put(to, parse_path(text));
  to.clear();
  return {};
}

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

constexpr std::string_view this_release = "0.1";

constexpr std::array all_sections{
    Section{"server", "Where mxwardend listens, and how long it waits."},
    Section{"log", "What is logged, and where to."},
    Section{"store", "Where the counts and the records are kept."},
    Section{"redis",
            "The Redis that the nodes share, with `backend = redis' in [store]. docs/redis.md says how to set it up."},
    Section{"client", "How clients are told apart, and which of them are our own."},
    Section{
        "client_conn",
        "How many connections a client may have open at a time, over all nodes. Each node looks into its kernel's "
        "table of connections twice a second, so that connections on which nothing is said count as well, and none "
        "that is closed at both ends. An entry ClientConn: of the access table gives a client, a net or a domain a "
        "limit of its "
        "own; "
        "each client is counted for itself nevertheless. Trusted and logged-in clients and those with Connect: OK are "
        "exempt."},
    Section{
        "client_rate",
        "How often a client may connect. An entry ClientRate: of the access table gives a client, a net or a domain a "
        "limit of its own; each client is counted for itself nevertheless. Trusted and logged-in clients and those "
        "with Connect: OK are exempt."},
    Section{"message_recipients",
            "How many recipients one message may have, if the client is neither logged in nor trusted. The recipients "
            "up to the limit get the message, the others are refused for now, and an honest server sends them in "
            "another message. An entry MaxRcpt: of the access table gives a client a limit of its own."},
    Section{
        "relay_grant",
        "Who has fetched mail with a password may send some from the same address (POP before SMTP). Asked only where "
        "`policy_context' is relay (postfix-snippets/relay-grant.cf); a trusted, private or own address never has a "
        "grant."},
    Section{"listing",
            "A client that is listed, by a blocklist or by our own findings, is refused from its first command on. "
            "Trusted and logged-in clients and those with Connect: OK are exempt."},
    Section{"repeat_offender",
            "A listed client that keeps coming is banned for a time, on either of two thresholds. An attempt of it is "
            "one SMTP session that was refused because of the listing, however many commands it had; while it is "
            "banned none is counted."},
    Section{"guard",
            "What rules may do by themselves. They never ban what is trusted, in never_ban or an address of this host, "
            "nor what an entry Connect: OK covers."},
    Section{any_limit,
            "A limit of your own; as many as 60 such sections, each with a NAME of lower-case letters, digits and `_'. "
            "They are asked in the order of this file, and what one of them refuses is not counted. This one is an "
            "example: who is logged in may send to 500 recipients an hour and 2000 a day."},
};

constexpr std::array table{
    Setting{
        .section = "server",
        .name = "listen",
        .value = "inet:127.0.0.1:10040",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "Where Postfix asks: inet:ADDRESS:PORT, an IPv6 address in brackets, or unix:/path[,mode=0660]. May stand "
            "several times. `,name=NAME' labels a listener, so that `when' of a limit can tell it from the others.",
        .read = read_listen,
        .print = print_listen,
        .clear = [](const Place& place) { place.settings.server.listen.clear(); },
    },
    Setting{
        .section = "server",
        .name = "control",
        .value = "/run/mxwarden/control.sock",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "The socket at which the command mxwarden asks, mode 0660. root and the members of its group may do "
                "everything there. Empty: there is none.",
        .read = read_control,
        .print = [](const Source& from) -> Texts { return {from.settings.server.control}; },
    },
    Setting{
        .section = "server",
        .name = "http",
        .value = "inet:127.0.0.1:10041",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "Where /metrics (for Prometheus) and /healthz are served; empty: nowhere. There is no password: keep it on "
            "an address that only those who may see it can reach.",
        .read = read_http,
        .print = [](const Source& from) -> Texts {
          const auto& http = from.settings.server.http;
          return {http ? to_string(*http) : std::string()};
        },
    },
    Setting{
        .section = "server",
        .name = "node",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "What this node is called among those that share a Redis: 1 to 64 letters, digits, `-', `_' and `.', of "
            "no other node. Empty: the name of the host.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.server.node, parse_node(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.server.node}; },
    },
    Setting{
        .section = "server",
        .name = "max_connections",
        .value = "4096",
        .since = this_release,
        .help =
            "Connections from Postfix at a time, 1 to 100000; each smtpd process holds one. At the cap the connection "
            "that is idle longest is closed, none is left waiting.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.server.max_connections, parse_number(text, 1, 100'000));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.server.max_connections)}; },
    },
    Setting{
        .section = "server",
        .name = "idle_timeout",
        .value = "1200s",
        .since = this_release,
        .help =
            "A connection on which Postfix asks nothing for so long is closed, 1s to 1d. Keep it above Postfix's own "
            "300s and 1000s: a connection that is closed from this side costs the next client a second of waiting.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.server.idle_timeout, parse_duration(text, 1s, 24h));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.server.idle_timeout)}; },
    },
    Setting{
        .section = "server",
        .name = "answer_within",
        .value = "500ms",
        .since = this_release,
        .help =
            "An answer that is not found by then is given without it, 1ms to 5s. Must stay well below the timeout that "
            "Postfix is told for this service.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.server.answer_within, parse_duration(text, 1ms, 5s));
            },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.server.answer_within)}; },
    },
    Setting{
        .section = "log",
        .name = "level",
        .value = "info",
        .since = this_release,
        .help =
            "debug, info, warn or error. At info there is one line for each request that is refused or would be; at "
            "debug for every request.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.log.level, parse_level(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.log.level))}; },
    },
    Setting{
        .section = "log",
        .name = "target",
        .value = "stderr",
        .since = this_release,
        .help = "stderr (which systemd takes to its journal), syslog (facility mail) or file:/path.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.log.target, parse_log_target(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.log.target}; },
    },
    Setting{
        .section = "store",
        .name = "backend",
        .value = "embedded",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "embedded: each node counts for itself, in memory. redis: all nodes that share a Redis count as one (see "
            "[redis]); what it cannot say is counted as with embedded.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.store.backend, parse_backend(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.store.backend))}; },
    },
    Setting{
        .section = "store",
        .name = "max_entries",
        .value = "1000000",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "How many counters are kept at most, 1000 to 100000000; one takes about 130 bytes. Beyond it the busiest "
            "are kept, so that a flood of fresh addresses does not hide who is over a limit.",
        .read =
            [](const Place& place, std::string_view text) {
              return put(place.settings.store.max_entries, parse_number(text, 1000, 100'000'000));
            },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.store.max_entries)}; },
    },
    Setting{
        .section = "store",
        .name = "path",
        .value = "/var/lib/mxwarden",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "A directory, in which bans, grants and listings outlive a restart. mxwardend must be allowed to write "
                "there; if it cannot, they are kept in memory, and it says so.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.store.path, parse_path(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.store.path}; },
    },
    Setting{
        .section = "redis",
        .name = "address",
        .value = "inet:127.0.0.1:6379",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "inet:ADDRESS:PORT, an IPv6 address in brackets, or unix:/path. Over a network that is not yours alone, "
            "with `tls = yes': else passwords and counts can be read there.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.address, parse_redis_address(text)); },
        .print = [](const Source& from) -> Texts { return {to_string(from.settings.redis.address)}; },
    },
    Setting{
        .section = "redis",
        .name = "sentinels",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "The Sentinels that watch over the Redis, each as ADDRESS:PORT, an IPv6 address in brackets, between "
            "blanks "
            "or commas: 192.0.2.1:26379 [2001:db8::1]:26379. They say where it is, and `address' above is not used; "
            "they must not ask for a password. Empty: there are none.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.sentinels, parse_sentinels(text)); },
        .print = [](const Source& from) -> Texts { return {to_string(from.settings.redis.sentinels)}; },
    },
    Setting{
        .section = "redis",
        .name = "master",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "What the sentinels call it, as in their `sentinel monitor'; needed with them and only with them.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.master, parse_redis_master(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.redis.master}; },
    },
    Setting{
        .section = "redis",
        .name = "user",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "The user of Redis' ACL, with the password below; empty: the default user.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.user, parse_redis_user(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.redis.user}; },
    },
    Setting{
        .section = "redis",
        .name = "password_file",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "A file with the password in its first line, which only mxwardend can read; empty: no password is sent.",
        .read = [](const Place& place,
                   std::string_view text) { return read_path(place.settings.redis.password_file, text); },
        .print = [](const Source& from) -> Texts { return {from.settings.redis.password_file}; },
    },
    Setting{
        .section = "redis",
        .name = "db",
        .value = "0",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "The number of the database, 0 to 65535.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.db, parse_number(text, 0, 65535)); },
        .print = [](const Source& from) -> Texts { return {std::to_string(from.settings.redis.db)}; },
    },
    Setting{
        .section = "redis",
        .name = "prefix",
        .value = "mxw",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "What all keys begin with, so that several clusters can share a Redis: 1 to 32 letters, digits, `-', `_', "
            "`.' and `:'.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.prefix, parse_redis_prefix(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.redis.prefix}; },
    },
    Setting{
        .section = "redis",
        .name = "deadline",
        .value = "100ms",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "What Redis has not answered by then is answered without it, and the connection is made anew; 1ms to 5s. "
            "Must leave time within answer_within.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.deadline, parse_duration(text, 1ms, 5s)); },
        .print = [](const Source& from) -> Texts { return {mxwarden::to_string(from.settings.redis.deadline)}; },
    },
    Setting{
        .section = "redis",
        .name = "on_error",
        .value = "local",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "While Redis cannot say. local: this node's own counts decide, as with the embedded store; dunno: what "
                "needs counts passes; defer: it is told to come again later (DEFER_IF_PERMIT).",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.on_error, parse_on_error(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.settings.redis.on_error))}; },
    },
    Setting{
        .section = "redis",
        .name = "tls",
        .value = "no",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "yes: the connections to Redis, and to the sentinels, are encrypted (TLS 1.2 at least), and the server "
                "has to show a certificate that is valid, from an authority that is trusted, and its own. Not over a "
                "unix socket.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.tls.on, parse_yes_no(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(yes_or_no(from.settings.redis.tls.on))}; },
    },
    Setting{
        .section = "redis",
        .name = "tls_ca_file",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "A file with the certificates (PEM) of the authorities to trust, and of no others; empty: those that "
                "the system trusts.",
        .read = [](const Place& place,
                   std::string_view text) { return read_path(place.settings.redis.tls.authorities.path, text); },
        .print = [](const Source& from) -> Texts { return {from.settings.redis.tls.authorities.path}; },
    },
    Setting{
        .section = "redis",
        .name = "tls_cert_file",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "A file with the certificate of this node (PEM), and behind it those between it and its authority, for "
                "a Redis that asks for one (`tls-auth-clients yes', its default); empty: none.",
        .read = [](const Place& place,
                   std::string_view text) { return read_path(place.settings.redis.tls.certificate.path, text); },
        .print = [](const Source& from) -> Texts { return {from.settings.redis.tls.certificate.path}; },
    },
    Setting{
        .section = "redis",
        .name = "tls_key_file",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "A file with the key of that certificate (PEM, without a pass phrase), which only mxwardend can read. "
                "Both are needed, or neither.",
        .read = [](const Place& place,
                   std::string_view text) { return read_path(place.settings.redis.tls.key.path, text); },
        .print = [](const Source& from) -> Texts { return {from.settings.redis.tls.key.path}; },
    },
    Setting{
        .section = "redis",
        .name = "tls_name",
        .value = "",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "What the certificate of the server, and of each sentinel, has to be for: the name of a host, which it "
                "is asked for as well (SNI), or an address; empty: the address that is connected to.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.redis.tls.name, parse_tls_name(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.redis.tls.name}; },
    },
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
                "for max_ban after the end of its last ban begins anew.",
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
                "within ten minutes, and five of them at least, only logs what it would have answered until it no "
                "longer does; 1% to 100%.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.guard.good_record_share, parse_share(text)); },
        .print = [](const Source& from) -> Texts { return {share_text(from.settings.guard.good_record_share)}; },
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
        .read = [](const Place& place, std::string_view text) { return put(place.limit->stage, parse_stage(text)); },
        .print = [](const Source& from) -> Texts { return {std::string(to_string(from.limit->stage))}; },
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

std::string_view table_section(std::string_view section) {
  return section.starts_with(limit_prefix) ? any_limit : section;
}

}  // namespace

std::span<const Section> sections() {
  return all_sections;
}

std::span<const Setting> settings_table() {
  return table;
}

const Setting* find_setting(std::string_view section, std::string_view name) {
  section = table_section(section);
  for (const auto& setting : table) {
    if (setting.section == section && setting.name == name) return &setting;
  }
  return nullptr;
}

std::vector<std::string_view> setting_names(std::string_view section) {
  section = table_section(section);
  std::vector<std::string_view> names;
  for (const auto& setting : table) {
    if (setting.section == section) names.push_back(setting.name);
  }
  return names;
}

}  // namespace mxwarden::conf
