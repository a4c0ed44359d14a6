#include "firewall/neighbours.hpp"

namespace mxwarden::firewall {
namespace {

std::size_t size_of(const Address& address) {
  return static_cast<std::size_t>(address.bits() / 8);
}

}  // namespace

Address last_of(const Prefix& net) {
  auto bytes = net.address().bytes();
  for (int bit = net.length(); bit < net.address().bits(); ++bit) {
    bytes[static_cast<std::size_t>(bit / 8)] |= static_cast<unsigned char>(0x80 >> (bit % 8));
  }
  return Address::from_bytes(net.address().family(), bytes.data());
}

std::optional<Address> behind(const Address& address) {
  auto bytes = address.bytes();
  for (auto at = size_of(address); at-- > 0;) {
    if (++bytes[at] != 0) return Address::from_bytes(address.family(), bytes.data());
  }
  return std::nullopt;
}

Address before(const Address& address) {
  auto bytes = address.bytes();
  for (auto at = size_of(address); at-- > 0;) {
    if (bytes[at]-- != 0) break;
  }
  return Address::from_bytes(address.family(), bytes.data());
}

}  // namespace mxwarden::firewall
