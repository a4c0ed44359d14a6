// Where a server listens: inet:127.0.0.1:10040, inet:[::1]:10040, unix:/path[,mode=0660]; a listener also takes
// `,name=NAME`.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

constexpr unsigned default_mode = 0660;
constexpr std::size_t longest_path = 107;  // sun_path, without its final zero (unix(7))
constexpr std::size_t longest_name = 64;

template <class T>
bool read_whole(std::string_view text, int base, T& value) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return fault == std::errc{} && end == text.data() + text.size();
}

// ADDRESS:PORT, an IPv6 address in brackets.
std::optional<InetEndpoint> read_inet(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = Address::parse(host);
  // Without brackets the last group of an IPv6 address would pass for a port.
  if (!address || bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  InetEndpoint endpoint{.address = *address};
  if (!read_whole(text.substr(colon + 1), 10, endpoint.port)) return std::nullopt;
  return endpoint;
}

std::string written(const InetEndpoint& endpoint) {
  const auto address = endpoint.address.to_string();
  return fmt::format("{}:{}", endpoint.address.is_ipv4() ? address : "[" + address + "]", endpoint.port);
}

Result<Endpoint> parse_inet(std::string_view text) {
  if (const auto endpoint = read_inet(text)) return *endpoint;
  return Error{
      fmt::format("`inet:{}' is not an address and a port; write inet:127.0.0.1:10040 or "
                  "inet:[::1]:10040, with an IP address and not a name",
                  text)};
}

Result<Endpoint> parse_unix(std::string_view text) {
  const auto path = parse_path(text);
  if (!path) return path.error();
  if (path->size() > longest_path) {
    return Error{
        fmt::format("`{}' has {} bytes; the path of a socket has at most {}", text, text.size(), longest_path)};
  }
  return UnixEndpoint{.path = *path};
}

Result<void> read_mode(std::string_view text, Endpoint& endpoint) {
  auto* const unix_endpoint = std::get_if<UnixEndpoint>(&endpoint);
  if (unix_endpoint == nullptr) return Error{"only a unix: socket has a mode"};
  if (text.size() < 3 || text.size() > 4 || !read_whole(text, 8, unix_endpoint->mode) || unix_endpoint->mode > 0777) {
    return Error{fmt::format("`{}' is not a mode of a file; write three octal digits, as in mode=0660", text)};
  }
  return {};
}

bool is_listener_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '-' || c == '.';
  });
}

// The endpoint without its options.
std::string place_of(const Endpoint& endpoint) {
  if (const auto* unix_endpoint = std::get_if<UnixEndpoint>(&endpoint)) return "unix:" + unix_endpoint->path;
  return "inet:" + written(std::get<InetEndpoint>(endpoint));
}

Result<Listen> parse_with_options(std::string_view text, bool may_have_name) {
  const auto parts = words(text, ",");
  const auto place = parts.empty() ? std::string_view() : trim(parts.front());
  Result<Endpoint> endpoint =
      Error{fmt::format("`{}' is not an endpoint; allowed are inet:ADDRESS:PORT or unix:/path", text)};
  if (place.starts_with("inet:")) endpoint = parse_inet(place.substr(5));
  if (place.starts_with("unix:")) endpoint = parse_unix(place.substr(5));
  if (!endpoint) return endpoint.error();
  Listen listen{.endpoint = *endpoint, .name = place_of(*endpoint)};
  for (std::size_t at = 1; at < parts.size(); ++at) {
    const auto option = trim(parts[at]);
    if (option.starts_with("mode=")) {
      if (const auto read = read_mode(option.substr(5), listen.endpoint); !read) return read.error();
    } else if (option.starts_with("name=") && may_have_name) {
      listen.name = option.substr(5);
      if (!is_listener_name(listen.name)) {
        return Error{fmt::format("`{}' is not a name; write letters, digits, `_', `-' and `.', at most {}", listen.name,
                                 longest_name)};
      }
    } else {
      return Error{fmt::format("`{}' is not allowed after an endpoint; allowed are mode=0660{}", option,
                               may_have_name ? " and name=NAME" : "")};
    }
  }
  return listen;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  auto listen = parse_with_options(text, false);
  if (!listen) return listen.error();
  return std::move(listen->endpoint);
}

Result<Endpoint> parse_redis_address(std::string_view text) {
  auto endpoint = parse_endpoint(text);
  if (!endpoint) return endpoint;
  const auto* inet = std::get_if<InetEndpoint>(&*endpoint);
  if ((inet == nullptr || inet->port != 0) && text.find(',') == std::string_view::npos) return endpoint;
  return Error{fmt::format("`{}' is not where a Redis listens; write inet:ADDRESS:PORT or unix:/path", text)};
}

Result<std::vector<InetEndpoint>> parse_sentinels(std::string_view text) {
  std::vector<InetEndpoint> sentinels;
  for (const auto word : words(text, " \t,")) {
    const auto sentinel = read_inet(word);
    if (!sentinel || sentinel->port == 0) {
      return Error{
          fmt::format("`{}' is not where a sentinel listens; write 192.0.2.1:26379 or [2001:db8::1]:26379, with an IP "
                      "address and not a name",
                      word)};
    }
    const auto is_the_same = [&](const InetEndpoint& other) { return written(other) == written(*sentinel); };
    if (std::ranges::any_of(sentinels, is_the_same)) return Error{fmt::format("{} is there twice", written(*sentinel))};
    sentinels.push_back(*sentinel);
  }
  return sentinels;
}

std::string to_string(const std::vector<InetEndpoint>& sentinels) {
  std::string text;
  for (const auto& sentinel : sentinels) text.append(text.empty() ? "" : " ").append(written(sentinel));
  return text;
}

Result<Listen> parse_listen(std::string_view text) {
  return parse_with_options(text, true);
}

std::string to_string(const Endpoint& endpoint) {
  auto text = place_of(endpoint);
  const auto* unix_endpoint = std::get_if<UnixEndpoint>(&endpoint);
  if (unix_endpoint != nullptr && unix_endpoint->mode != default_mode)
    text += fmt::format(",mode={:04o}", unix_endpoint->mode);
  return text;
}

std::string to_string(const Listen& listen) {
  auto text = to_string(listen.endpoint);
  if (listen.name != place_of(listen.endpoint)) text += ",name=" + listen.name;
  return text;
}

}  // namespace mxwarden::conf
