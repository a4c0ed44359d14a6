#pragma once
// IP addresses and prefixes as values: what clients are counted by and what access entries and trusted nets match.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mxwarden {

class Address {
 public:
  enum class Family : std::uint8_t { ipv4, ipv6 };

  // Dotted quad or any RFC 4291 text form; no brackets, no zone, no prefix length. An IPv4-mapped address
  // (::ffff:192.0.2.7) is the IPv4 address it maps. Anything else, the word `unknown` included, is nothing.
  static std::optional<Address> parse(std::string_view text);
  // 4 or 16 bytes in network order.
  static Address from_bytes(Family family, const unsigned char* bytes);

  Family family() const { return family_; }
  bool is_ipv4() const { return family_ == Family::ipv4; }
  int bits() const { return is_ipv4() ? 32 : 128; }
  // Network order; an IPv4 address fills the first four bytes, the rest is zero.
  const std::array<unsigned char, 16>& bytes() const { return bytes_; }
  // The first `length` bits, the rest zero.
  Address masked(int length) const;
  // Canonical: dotted quad, or RFC 5952.
  std::string to_string() const;
  void append_to(std::string& text) const;

  auto operator<=>(const Address&) const = default;  // NOLINT(modernize-use-nullptr): it is a comparison

 private:
  std::array<unsigned char, 16> bytes_{};
  Family family_ = Family::ipv4;
};

// An address with a prefix length; the bits behind the length are zero.
class Prefix {
 public:
  // The bits of `address` behind `length` are cut off. 0 <= length <= address.bits().
  Prefix(const Address& address, int length);

  // `192.0.2.0/24`, `2001:db8::/32`, or an address alone. Bits behind the length must be zero; the error says which
  // prefix was probably meant.
  static Result<Prefix> parse(std::string_view text);

  const Address& address() const { return address_; }
  int length() const { return length_; }
  bool contains(const Address& address) const;
  // One of the two lies in the other, or they are the same.
  bool overlaps(const Prefix& other) const { return contains(other.address_) || other.contains(address_); }
  // `192.0.2.0/24`; a whole address without its length.
  std::string to_string() const;
  void append_to(std::string& text) const;

  auto operator<=>(const Prefix&) const = default;  // NOLINT(modernize-use-nullptr): it is a comparison

 private:
  Address address_;
  int length_;
};

// Not of the public Internet: who is behind it depends on where one stands. Loopback, RFC 1918, RFC 6598, RFC 3927,
// RFC 4193, link-local, multicast, and all zero.
bool is_private(const Address& address);

}  // namespace mxwarden
