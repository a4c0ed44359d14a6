#include "firewall/interfaces.hpp"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/own_addresses.hpp"

namespace mxwarden::firewall {

Result<Interfaces> Interfaces::watch() {
  FileDescriptor fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (fd.get() < 0 || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error{fmt::format("the addresses of this host cannot be watched: {}", std::strerror(errno))};
  }
  Interfaces interfaces(std::move(fd));
  auto now = own_addresses();
  if (!now) return Error{fmt::format("the addresses of this host cannot be read: {}", std::strerror(errno))};
  interfaces.addresses_ = std::move(*now);
  return interfaces;
}

// What a message says does not matter: all are asked for again. ENOBUFS, messages that were lost, says the same.
bool Interfaces::changed() {
  std::array<char, 8192> message{};
  bool any = false;
  while (true) {
    const auto size = ::recv(fd_.get(), message.data(), message.size(), 0);
    if (size < 0 && errno != EINTR && errno != ENOBUFS) return any;
    any = true;
  }
}

const std::vector<Address>& Interfaces::addresses() {
  if (auto now = own_addresses()) addresses_ = std::move(*now);
  return addresses_;
}

}  // namespace mxwarden::firewall
