#include "base/own_addresses.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <memory>

namespace mxwarden {
namespace {

std::optional<Address> address_of(const sockaddr* socket_address) {
  if (socket_address == nullptr) return std::nullopt;
  if (socket_address->sa_family == AF_INET) {
    const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(socket_address);
    return Address::from_bytes(Address::Family::ipv4, reinterpret_cast<const unsigned char*>(&ipv4->sin_addr));
  }
  if (socket_address->sa_family == AF_INET6) {
    const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(socket_address);
    return Address::from_bytes(Address::Family::ipv6, reinterpret_cast<const unsigned char*>(&ipv6->sin6_addr));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<Address>> own_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, ::freeifaddrs);
  std::vector<Address> addresses;
  for (const auto* one = first; one != nullptr; one = one->ifa_next) {
    if (const auto address = address_of(one->ifa_addr)) addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace mxwarden
