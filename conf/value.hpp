#pragma once
// The typed values of settings: how each is read, and written so that it reads back to the same. An error says what was
// found and what is allowed; where it was found is the caller's affair.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/attribute.hpp"
#include "base/duration.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "conf/limit.hpp"
#include "conf/settings.hpp"

namespace mxwarden::conf {

// A whole number without a unit.
Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most);
// 4000000, 4K, 4M, 4G: units of 1024.
Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t most);
Result<Duration> parse_duration(std::string_view text, Duration least, Duration most);

// 1/30s: a count of 1 to `most`, and a duration; or `off'.
Result<Rate> parse_rate(std::string_view text, std::uint64_t most, Duration longest);
std::string to_string(const Rate& rate);
// 5%: a whole number of 1 to 100.
Result<int> parse_share(std::string_view text);
std::string share_text(int percent);

Result<Endpoint> parse_endpoint(std::string_view text);
// An endpoint and `,name=NAME`.
Result<Listen> parse_listen(std::string_view text);
std::string to_string(const Listen& listen);

// A node's name; nothing: this host's.
Result<std::string> parse_node(std::string_view text);

Result<Backend> parse_backend(std::string_view text);
std::string_view to_string(Backend backend);
Result<OnError> parse_on_error(std::string_view text);
std::string_view to_string(OnError on_error);
// An endpoint with a port, and no mode.
Result<Endpoint> parse_redis_address(std::string_view text);
// ADDRESS:PORT, each once, separated by blanks or commas; may be empty.
Result<std::vector<InetEndpoint>> parse_sentinels(std::string_view text);
std::string to_string(const std::vector<InetEndpoint>& sentinels);
// What sentinels call a master; may be empty.
Result<std::string> parse_redis_master(std::string_view text);
Result<std::string> parse_redis_user(std::string_view text);
// Of this host; may be empty, and need not exist.
Result<std::string> parse_user(std::string_view text);
Result<std::string> parse_redis_prefix(std::string_view text);
// What a certificate can be for, the name of a host or an address; may be empty.
Result<std::string> parse_tls_name(std::string_view text);

Result<bool> parse_yes_no(std::string_view text);
std::string_view yes_or_no(bool value);

Result<BadRecipientSource> parse_bad_recipient_source(std::string_view text);
std::string_view to_string(BadRecipientSource source);

// file:/path, fifo:/path, syslog:/path, journal or `-`
Result<LogSource> parse_log_source(std::string_view text);
std::string to_string(const LogSource& source);
// Names of programs that a log can have lines of, each once, separated by blanks or commas; at least one.
Result<std::vector<std::string>> parse_recognisers(std::string_view text);

// A name that nft(8) takes unquoted.
Result<std::string> parse_nft_name(std::string_view text);
Result<Hook> parse_hook(std::string_view text);
std::string_view to_string(Hook hook);
// A whole number from -500 to 500.
Result<int> parse_priority(std::string_view text);
// Port numbers, each once, separated by blanks or commas; at least one.
Result<std::vector<std::uint16_t>> parse_ports(std::string_view text);

// Separated by blanks or commas.
Result<std::vector<Prefix>> parse_prefixes(std::string_view text);
std::string to_string(const std::vector<Prefix>& prefixes);

// Begins with `/`.
Result<std::string> parse_path(std::string_view text);

Result<Mode> parse_mode(std::string_view text);
std::string_view to_string(Mode mode);
Result<ProtocolState> parse_stage(std::string_view text);
std::string_view to_string(ProtocolState stage);
Result<Counted> parse_counted(std::string_view text);
std::string_view to_string(Counted counted);

Result<log::Level> parse_level(std::string_view text);
std::string_view to_string(log::Level level);
// stderr, syslog or file:/path
Result<std::string> parse_log_target(std::string_view text);

}  // namespace mxwarden::conf
