#include <array>

#include "conf/settings_rows.hpp"
#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

using namespace std::chrono_literals;

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
        .help = "The socket at which the command mxwarden asks, and to which mxwarden-maillog tells what it reads; "
                "mode 0660. "
                "root and the members of its group may do everything there. Empty: there is none.",
        .read = read_control,
        .print = [](const Source& from) -> Texts { return {from.settings.server.control}; },
    },
    Setting{
        .section = "server",
        .name = "maillog_user",
        .value = "mxwarden-log",
        .since = this_release,
        .help = "The user that mxwarden-maillog runs as: at the control socket it may hand over events, and nothing "
                "else. Empty: no user is kept to that.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.server.maillog_user, parse_user(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.server.maillog_user}; },
    },
    Setting{
        .section = "server",
        .name = "firewall_user",
        .value = "mxwarden-fw",
        .since = this_release,
        .help = "The same for the user that mxwarden-firewall runs as: it may follow the bans and report.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.server.firewall_user, parse_user(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.server.firewall_user}; },
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
};

}  // namespace

std::span<const Setting> server_settings() {
  return table;
}

}  // namespace mxwarden::conf
