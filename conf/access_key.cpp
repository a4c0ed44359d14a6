// The keys of the access table: addresses, nets in every notation that sendmail and Postfix have for them, and names.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.hpp"
#include "base/idna.hpp"
#include "conf/access_line.hpp"
#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;
constexpr std::string_view ipv6_tag = "IPv6:";
constexpr std::string_view allowed =
    "allowed are an address, a dotted prefix (206.81.85), a net (192.0.2.0/24), "
    "IPv6:2001:db8, a host or domain name, or nothing";

Error not_a_key(std::string_view text) {
  return Error{fmt::format("`{}' is not a key; {}", text, allowed)};
}

// 206, 206.81 or 206.81.85: whole bytes of an IPv4 address.
Result<AccessKey> parse_dotted(std::string_view text) {
  std::array<unsigned char, 4> bytes{};
  std::size_t count = 0;
  for (auto rest = text;; ++count) {
    const auto digits = rest.substr(0, rest.find('.'));
    if (count == 3 || !all_digits(digits) || digits.size() > 3) return not_a_key(text);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), bytes[count]).ec != std::errc{}) {
      return not_a_key(text);
    }
    if (digits.size() == rest.size()) break;
    rest.remove_prefix(digits.size() + 1);
  }
  return AccessKey(Prefix(Address::from_bytes(Address::Family::ipv4, bytes.data()), static_cast<int>(count + 1) * 8));
}

// What follows `IPv6:`: an address or a net, or the first groups of an address.
Result<AccessKey> parse_ipv6(std::string_view text) {
  const bool whole = text.find('/') != std::string_view::npos || Address::parse(text);
  if (whole) {
    const auto prefix = Prefix::parse(text);
    if (!prefix) return prefix.error();
    return AccessKey(*prefix);
  }
  const auto groups = std::ranges::count(text, ':') + 1;
  // The groups that are left out are zero: 2001:db8 is 2001:db8::/32.
  const auto address = Address::parse(std::string(text) + "::");
  if (text.empty() || !address || address->is_ipv4() || groups > 7 || text.find("::") != std::string_view::npos)
    return not_a_key(text);
  return AccessKey(Prefix(*address, static_cast<int>(groups) * 16));
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= longest_label && std::ranges::all_of(label, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  });
}

}  // namespace

Result<std::string> parse_name(std::string_view text) {
  std::string name(text);
  if (!is_ascii(text)) {
    auto converted = to_a_labels(text);
    if (!converted) return converted.error();
    name = std::move(*converted);
  }
  name = lower(name);
  if (name.starts_with('.')) {
    return Error{
        fmt::format("`{}' begins with a dot; write {}, which also covers the names below it", text, name.substr(1))};
  }
  std::string_view label;
  for (std::string_view rest = name;;) {
    label = rest.substr(0, rest.find('.'));
    if (!is_label(label)) return not_a_key(text);
    if (label.size() == rest.size()) break;
    rest.remove_prefix(label.size() + 1);
  }
  // No top-level domain is a number: this would have been an address.
  if (name.size() > longest_name || all_digits(label)) return not_a_key(text);
  return text_value(name);
}

namespace {

// A login, `user@domain` or a domain. What is no domain is compared as it is but for the case.
Result<AccessKey> parse_login(std::string_view text) {
  if (Prefix::parse(text)) {
    return Error{fmt::format("`{}' is an address; the key of LoginRate is a login, a domain or nothing", text)};
  }
  const auto at = text.rfind('@');
  const auto domain = at == std::string_view::npos ? text : text.substr(at + 1);
  const auto name = parse_name(domain);
  if (at == std::string_view::npos) return AccessKey(name ? *name : lower(text));
  if (!name) return name.error();
  return AccessKey(lower(text.substr(0, at + 1)) + *name);
}

}  // namespace

Result<AccessKey> parse_access_key(AccessTag tag, std::string_view text) {
  const auto written = text;
  if (text.empty()) return AccessKey();
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return not_a_key(written);
  if (tag == AccessTag::login_rate) return parse_login(text);
  if (same_word(text.substr(0, ipv6_tag.size()), ipv6_tag)) return parse_ipv6(text.substr(ipv6_tag.size()));
  if (const auto address = Address::parse(text)) return AccessKey(Prefix(*address, address->bits()));
  if (text.find('/') != std::string_view::npos) {
    const auto prefix = Prefix::parse(text);
    if (!prefix) return prefix.error();
    return AccessKey(*prefix);
  }
  if (text.find(':') != std::string_view::npos) {
    return Error{
        fmt::format("`{}' is not an address; the first groups of one are written as in IPv6:2001:db8", written)};
  }
  if (std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.'; })) return parse_dotted(text);
  auto name = parse_name(text);
  if (!name) return name.error();
  return AccessKey(std::move(*name));
}

}  // namespace mxwarden::conf
