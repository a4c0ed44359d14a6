#include "base/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

namespace mxwarden {
namespace {

constexpr std::array<unsigned char, 12> ipv4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

// Four decimal numbers up to 255, without leading zeros, as inet_pton takes them. Every request has two.
std::optional<Address> parse_dotted_quad(std::string_view text) {
  std::array<unsigned char, 4> bytes{};
  std::size_t part = 0;
  unsigned value = 0;
  int digits = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0 || part == bytes.size() - 1) return std::nullopt;
      bytes[part++] = static_cast<unsigned char>(value);
      value = 0;
      digits = 0;
      continue;
    }
    if (c < '0' || c > '9' || (digits > 0 && value == 0)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 255) return std::nullopt;
    ++digits;
  }
  if (digits == 0 || part != bytes.size() - 1) return std::nullopt;
  bytes[part] = static_cast<unsigned char>(value);
  return Address::from_bytes(Address::Family::ipv4, bytes.data());
}

// A byte in decimal digits, and a dot behind them.
struct Decimal {
  std::array<char, 4> text{};
  std::uint8_t size = 0;
};

constexpr auto decimals = [] {
  std::array<Decimal, 256> all{};
  for (unsigned value = 0; value < all.size(); ++value) {
    auto& [text, size] = all[value];
    if (value >= 100) text[size++] = static_cast<char>('0' + value / 100);
    if (value >= 10) text[size++] = static_cast<char>('0' + value / 10 % 10);
    text[size++] = static_cast<char>('0' + value % 10);
    text[size++] = '.';
  }
  return all;
}();

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return parse_dotted_quad(text);
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET6, terminated.data(), bytes.data()) != 1) return std::nullopt;
  if (std::equal(ipv4_mapped.begin(), ipv4_mapped.end(), bytes.begin())) {
    return from_bytes(Family::ipv4, bytes.data() + ipv4_mapped.size());
  }
  return from_bytes(Family::ipv6, bytes.data());
}

Address Address::from_bytes(Family family, const unsigned char* bytes) {
  Address address;
  address.family_ = family;
  std::copy_n(bytes, family == Family::ipv4 ? 4 : 16, address.bytes_.begin());
  return address;
}

Address Address::masked(int length) const {
  Address result = *this;
  const auto whole = static_cast<std::size_t>(length / 8);
  if (whole == result.bytes_.size()) return result;
  result.bytes_[whole] &= static_cast<unsigned char>(0xFF00 >> (length % 8));
  std::fill(result.bytes_.begin() + static_cast<std::ptrdiff_t>(whole) + 1, result.bytes_.end(), 0);
  return result;
}

// Written for every request: inet_ntop goes through printf.
void Address::append_to(std::string& text) const {
  std::array<char, INET6_ADDRSTRLEN> written;
  if (!is_ipv4()) {
    text += inet_ntop(AF_INET6, bytes_.data(), written.data(), written.size());
    return;
  }
  char* end = written.data();
  for (std::size_t at = 0; at < 4; ++at) {
    const auto& decimal = decimals[bytes_[at]];
    std::memcpy(end, decimal.text.data(), decimal.text.size());
    end += decimal.size;
  }
  text.append(written.data(), end - 1);
}

std::string Address::to_string() const {
  std::string text;
  append_to(text);
  return text;
}

Prefix::Prefix(const Address& address, int length) : address_(address.masked(length)), length_(length) {}

Result<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address)
    return Error{fmt::format("`{}' is not an IP address or a prefix such as 192.0.2.0/24 or 2001:db8::/32", text)};
  if (slash == std::string_view::npos) return Prefix(*address, address->bits());
  const auto digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (fault != std::errc{} || end != digits.data() + digits.size() || length < 0 || length > address->bits()) {
    return Error{fmt::format("`{}': the prefix length must be a number from 0 to {}", text, address->bits())};
  }
  const Prefix prefix(*address, length);
  if (prefix.address_ != *address) {
    return Error{fmt::format("`{}' has bits set behind its prefix length; did you mean {}?", text, prefix.to_string())};
  }
  return prefix;
}

bool Prefix::contains(const Address& address) const {
  return address.family() == address_.family() && address.masked(length_) == address_;
}

void Prefix::append_to(std::string& text) const {
  address_.append_to(text);
  if (length_ != address_.bits()) text.append("/").append(std::to_string(length_));
}

std::string Prefix::to_string() const {
  std::string text;
  append_to(text);
  return text;
}

bool is_private(const Address& address) {
  static const auto nets = [] {
    std::vector<Prefix> all;
    for (const auto* net :
         {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
          "192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"}) {
      all.push_back(Prefix::parse(net).value());
    }
    return all;
  }();
  return std::ranges::any_of(nets, [&](const Prefix& net) { return net.contains(address); });
}

}  // namespace mxwarden
