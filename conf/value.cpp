#include "conf/value.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

template <class T>
struct Named {
  std::string_view name;
  T value;
};

constexpr std::array modes{Named<Mode>{"enforce", Mode::enforce}, Named<Mode>{"monitor", Mode::monitor},
                           Named<Mode>{"off", Mode::off}};

constexpr std::array stages{
    Named<ProtocolState>{"CONNECT", ProtocolState::connect}, Named<ProtocolState>{"MAIL", ProtocolState::mail},
    Named<ProtocolState>{"RCPT", ProtocolState::rcpt}, Named<ProtocolState>{"DATA", ProtocolState::data},
    Named<ProtocolState>{"END-OF-MESSAGE", ProtocolState::end_of_message}};

constexpr std::array counted_things{Named<Counted>{"connections", Counted::connections},
                                    Named<Counted>{"messages", Counted::messages},
                                    Named<Counted>{"recipients", Counted::recipients},
                                    Named<Counted>{"bytes", Counted::bytes},
                                    Named<Counted>{"distinct recipients", Counted::distinct_recipients},
                                    Named<Counted>{"distinct clients", Counted::distinct_clients}};

constexpr std::array levels{Named<log::Level>{"debug", log::Level::debug}, Named<log::Level>{"info", log::Level::info},
                            Named<log::Level>{"warn", log::Level::warn}, Named<log::Level>{"error", log::Level::error}};

constexpr std::array backends{Named<Backend>{"embedded", Backend::embedded}, Named<Backend>{"redis", Backend::redis}};

constexpr std::array on_errors{Named<OnError>{"local", OnError::local}, Named<OnError>{"dunno", OnError::dunno},
                               Named<OnError>{"defer", OnError::defer}};

constexpr std::array bad_recipient_sources{Named<BadRecipientSource>{"inline", BadRecipientSource::questions},
                                           Named<BadRecipientSource>{"log", BadRecipientSource::log}};

constexpr std::array hooks{Named<Hook>{"input", Hook::input}, Named<Hook>{"prerouting", Hook::prerouting},
                           Named<Hook>{"forward", Hook::forward}};

constexpr std::array yes_no{Named<bool>{"yes", true}, Named<bool>{"no", false}};

constexpr std::size_t longest_prefix = 32;
constexpr std::size_t longest_node = 64;
constexpr std::size_t longest_host_name = 253;  // RFC 1035, in text
constexpr std::size_t longest_nft_name = 32;
constexpr int widest_priority = 500;
constexpr std::size_t most_ports = 16;

bool is_of_name(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
         std::string_view("-_.").find(c) != std::string_view::npos;
}

bool is_of_prefix(char c) {
  return is_of_name(c) || c == ':';
}

// The kernel lets it be anything.
std::string host_name() {
  std::array<char, longest_node + 1> buffer{};
  if (::gethostname(buffer.data(), longest_node) != 0 || buffer.front() == '\0') return "localhost";
  std::string name(buffer.data());
  std::ranges::replace_if(
      name, [](char c) { return !is_of_name(c); }, '-');
  return name;
}

template <class T, std::size_t size>
Result<T> parse_named(const std::array<Named<T>, size>& table, std::string_view text, std::string_view what) {
  std::vector<std::string_view> names;
  for (const auto& row : table) {
    if (same_word(row.name, text)) return row.value;
    names.push_back(row.name);
  }
  return Error{fmt::format("`{}' is not {}; allowed are {}", text, what, alternatives(names))};
}

template <class T, std::size_t size>
std::string_view name_of(const std::array<Named<T>, size>& table, T value) {
  const auto found = std::ranges::find(table, value, &Named<T>::value);
  return found == table.end() ? std::string_view() : found->name;
}

constexpr std::string_view off = "off";

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto number = read_number(text);
  if (number && *number >= least && *number <= most) return *number;
  return Error{fmt::format("`{}' is not allowed; write a whole number from {} to {}", text, least, most)};
}

Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t most) {
  constexpr std::string_view units = "KMG";
  std::uint64_t factor = 1;
  auto digits = text;
  if (const auto unit = units.find(text.empty() ? ' ' : text.back()); unit != std::string_view::npos) {
    factor = std::uint64_t{1} << (10 * (unit + 1));
    digits.remove_suffix(1);
  }
  const auto number = read_number(digits);
  if (number && *number <= most / factor) return *number * factor;
  return Error{
      fmt::format("`{}' is not allowed; write a size such as 4000000, 500K, 4M or 1G (at most {})", text, most)};
}

Result<Duration> parse_duration(std::string_view text, Duration least, Duration most) {
  auto duration = mxwarden::parse_duration(text);
  if (!duration || (*duration >= least && *duration <= most)) return duration;
  return Error{fmt::format("`{}' is not allowed; write a duration from {} to {}", text, mxwarden::to_string(least),
                           mxwarden::to_string(most))};
}

Result<Rate> parse_rate(std::string_view text, std::uint64_t most, Duration longest) {
  if (same_word(text, off)) return Rate();
  const auto slash = text.find('/');
  const auto count = slash == std::string_view::npos ? std::nullopt : read_number(text.substr(0, slash));
  if (!count || *count < 1 || *count > most) {
    return Error{
        fmt::format("`{}' is no rate; write a count from 1 to {} and a time, as in 1/30s, or off", text, most)};
  }
  const auto within = parse_duration(text.substr(slash + 1), std::chrono::seconds(1), longest);
  if (!within) return within.error();
  return Rate{*count, *within};
}

std::string to_string(const Rate& rate) {
  return rate.count == 0 ? std::string(off) : fmt::format("{}/{}", rate.count, mxwarden::to_string(rate.within));
}

Result<int> parse_share(std::string_view text) {
  constexpr std::uint64_t whole = 100;
  const auto number = text.ends_with('%') ? read_number(text.substr(0, text.size() - 1)) : std::nullopt;
  if (number && *number >= 1 && *number <= whole) return static_cast<int>(*number);
  return Error{fmt::format("`{}' is no share; write a whole number of percent, 1% to 100%", text)};
}

std::string share_text(int percent) {
  return fmt::format("{}%", percent);
}

Result<std::vector<Prefix>> parse_prefixes(std::string_view text) {
  std::vector<Prefix> prefixes;
  for (const auto word : words(text, " \t,")) {
    const auto prefix = Prefix::parse(word);
    if (!prefix) return prefix.error();
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

std::string to_string(const std::vector<Prefix>& prefixes) {
  std::string text;
  for (const auto& prefix : prefixes) text += (text.empty() ? "" : " ") + prefix.to_string();
  return text;
}

Result<std::string> parse_path(std::string_view text) {
  if (text.starts_with('/') && text.size() < 4096) return text_value(text);
  return Error{fmt::format("`{}' is not a path; write one that begins with /", text)};
}

Result<Mode> parse_mode(std::string_view text) {
  return parse_named(modes, text, "a mode");
}

std::string_view to_string(Mode mode) {
  return name_of(modes, mode);
}

Result<ProtocolState> parse_stage(std::string_view text) {
  return parse_named(stages, text, "a stage");
}

std::string_view to_string(ProtocolState stage) {
  return name_of(stages, stage);
}

Result<Counted> parse_counted(std::string_view text) {
  std::string single_spaced;
  for (const auto word : words(text)) single_spaced.append(single_spaced.empty() ? "" : " ").append(word);
  return parse_named(counted_things, single_spaced, "something that is counted");
}

std::string_view to_string(Counted counted) {
  return name_of(counted_things, counted);
}

Result<Backend> parse_backend(std::string_view text) {
  return parse_named(backends, text, "a store");
}

std::string_view to_string(Backend backend) {
  return name_of(backends, backend);
}

Result<OnError> parse_on_error(std::string_view text) {
  return parse_named(on_errors, text, "what a request can be told");
}

std::string_view to_string(OnError on_error) {
  return name_of(on_errors, on_error);
}

Result<BadRecipientSource> parse_bad_recipient_source(std::string_view text) {
  return parse_named(bad_recipient_sources, text, "who tells of recipients");
}

std::string_view to_string(BadRecipientSource source) {
  return name_of(bad_recipient_sources, source);
}

Result<Hook> parse_hook(std::string_view text) {
  return parse_named(hooks, text, "where packets are looked at");
}

std::string_view to_string(Hook hook) {
  return name_of(hooks, hook);
}

Result<std::string> parse_nft_name(std::string_view text) {
  const auto is_of_nft_name = [](char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_'; };
  if (!text.empty() && text.size() <= longest_nft_name && !is_digit(text.front()) &&
      std::ranges::all_of(text, is_of_nft_name)) {
    return text_value(text);
  }
  return Error{fmt::format("`{}' is no name of a table; write 1 to {} letters, digits and `_', no digit first", text,
                           longest_nft_name)};
}

Result<int> parse_priority(std::string_view text) {
  const bool below = text.starts_with('-');
  const auto number = read_number(text.substr(below ? 1 : 0));
  if (number && *number <= widest_priority) return static_cast<int>(*number) * (below ? -1 : 1);
  return Error{
      fmt::format("`{}' is not allowed; write a whole number from -{} to {}", text, widest_priority, widest_priority)};
}

Result<std::vector<std::uint16_t>> parse_ports(std::string_view text) {
  std::vector<std::uint16_t> ports;
  for (const auto word : words(text, " \t,")) {
    const auto port = parse_number(word, 1, std::numeric_limits<std::uint16_t>::max());
    if (!port) return port.error();
    const auto number = static_cast<std::uint16_t>(*port);
    if (std::ranges::find(ports, number) != ports.end()) return Error{fmt::format("`{}' is there twice", word)};
    ports.push_back(number);
  }
  if (ports.empty() || ports.size() > most_ports) {
    return Error{fmt::format("there are {} ports; write 1 to {}", ports.size(), most_ports)};
  }
  return ports;
}

Result<std::string> parse_redis_user(std::string_view text) {
  if (text.find_first_of(" \t") == std::string_view::npos) return text_value(text);
  return Error{fmt::format("`{}' is not the name of a user: it has blanks", text)};
}

Result<std::string> parse_user(std::string_view text) {
  if (std::ranges::all_of(text, is_of_name)) return text_value(text);
  return Error{fmt::format("`{}' is not the name of a user; write letters, digits, `-', `_' or `.'", text)};
}

Result<std::string> parse_redis_master(std::string_view text) {
  if (std::ranges::all_of(text, is_of_name)) return text_value(text);
  return Error{fmt::format("`{}' is not the name of a master; write letters, digits, `-', `_' or `.'", text)};
}

Result<std::string> parse_redis_prefix(std::string_view text) {
  if (!text.empty() && text.size() <= longest_prefix && std::ranges::all_of(text, is_of_prefix)) {
    return text_value(text);
  }
  return Error{
      fmt::format("`{}' is not a prefix; write 1 to {} letters, digits, `-', `_', `.' or `:'", text, longest_prefix)};
}

Result<std::string> parse_tls_name(std::string_view text) {
  const bool is_host =
      text.size() <= longest_host_name && !text.starts_with('.') && std::ranges::all_of(text, is_of_name);
  if (is_host || Address::parse(text)) return text_value(text);
  return Error{fmt::format("`{}' is not what a certificate is for; write the name of a host or an address", text)};
}

Result<bool> parse_yes_no(std::string_view text) {
  return parse_named(yes_no, text, "an answer");
}

std::string_view yes_or_no(bool value) {
  return name_of(yes_no, value);
}

Result<std::string> parse_node(std::string_view text) {
  if (text.empty()) return text_value(host_name());
  if (text.size() <= longest_node && std::ranges::all_of(text, is_of_name)) return text_value(text);
  return Error{fmt::format("`{}' is not a node's name; write 1 to {} letters, digits, `-', `_' or `.', or nothing",
                           text, longest_node)};
}

Result<log::Level> parse_level(std::string_view text) {
  return parse_named(levels, text, "a level");
}

std::string_view to_string(log::Level level) {
  return name_of(levels, level);
}

Result<std::string> parse_log_target(std::string_view text) {
  if (text == "stderr" || text == "syslog" || text.starts_with("file:/")) return text_value(text);
  return Error{fmt::format("`{}' is not a target; allowed are stderr, syslog or file:/path", text)};
}

}  // namespace mxwarden::conf
