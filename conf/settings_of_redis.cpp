#include <array>

#include "conf/settings_rows.hpp"
#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

using namespace std::chrono_literals;

// Empty: none.
Result<void> read_path(std::string& to, std::string_view text) {
  if (!text.empty()) return put(to, parse_path(text));
  to.clear();
  return {};
}

constexpr std::array table{
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
};

}  // namespace

std::span<const Setting> redis_settings() {
  return table;
}

}  // namespace mxwarden::conf
