#include "server/tcp_table.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "server/listening_socket.hpp"
#include "unit/server/wire.hpp"

namespace mxwarden::server {
namespace {

std::uint16_t port_of(int fd) {
  return std::get<conf::InetEndpoint>(*local_endpoint(fd)).port;
}

Wire connect_to(const char* address, int family, std::uint16_t port) {
  sockaddr_storage storage{};
  if (family == AF_INET) {
    auto& inet = reinterpret_cast<sockaddr_in&>(storage);
    inet.sin_family = AF_INET;
    inet.sin_port = htons(port);
    std::memcpy(&inet.sin_addr, Address::parse(address)->bytes().data(), 4);
  } else {
    auto& inet = reinterpret_cast<sockaddr_in6&>(storage);
    inet.sin6_family = AF_INET6;
    inet.sin6_port = htons(port);
    const auto parsed = *Address::parse(address);
    auto* bytes = inet.sin6_addr.s6_addr;
    if (parsed.is_ipv4()) {
      bytes[10] = bytes[11] = 0xff;
      std::memcpy(bytes + 12, parsed.bytes().data(), 4);
    } else {
      std::memcpy(bytes, parsed.bytes().data(), 16);
    }
  }
  Wire wire(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(wire.fd(), reinterpret_cast<const sockaddr*>(&storage), sizeof storage) == 0);
  return wire;
}

}  // namespace

TEST_CASE("the kernel's table shows an established connection from both its ends, and no listening socket") {
  struct Row {
    const char* label;
    const char* address;
    int family;
  };
  for (const auto& row : {Row{"IPv4", "127.0.0.1", AF_INET}, Row{"IPv6", "::1", AF_INET6},
                          Row{"IPv4 from an IPv6 socket", "::ffff:127.0.0.1", AF_INET6}}) {
    CAPTURE(row.label);
    const auto address = *Address::parse(row.address);
    const auto listening = ListeningSocket::open(conf::InetEndpoint{address, 0});
    REQUIRE(listening.has_value());
    const auto server_port = port_of(listening->fd());
    const auto client = connect_to(row.address, row.family, server_port);
    const auto client_port = port_of(client.fd());

    const auto table = read_tcp_table();
    REQUIRE(table.has_value());
    const auto shows = [&](std::uint16_t client_end, std::uint16_t server_end) {
      return std::ranges::count_if(*table, [&](const policy::TcpConnection& connection) {
        return connection.client == address && connection.server == address && connection.client_port == client_end &&
               connection.server_port == server_end;
      });
    };
    CHECK(shows(client_port, server_port) == 1);
    CHECK(shows(server_port, client_port) == 1);
    CHECK(shows(0, server_port) == 0);
  }
}

}  // namespace mxwarden::server
