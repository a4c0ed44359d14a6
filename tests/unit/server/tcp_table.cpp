#include "server/tcp_table.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "server/listening_socket.hpp"
#include "server/tcp_dump.hpp"
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

    KernelTcpTable kernel;
    std::vector<policy::TcpConnection> table;
    REQUIRE(kernel.read({}, table).has_value());
    const auto shows = [&](std::uint16_t client_end, std::uint16_t server_end) {
      return std::ranges::count_if(table, [&](const policy::TcpConnection& connection) {
        return connection.client == address && connection.server == address && connection.client_port == client_end &&
               connection.server_port == server_end;
      });
    };
    CHECK(shows(client_port, server_port) == 1);
    CHECK(shows(server_port, client_port) == 1);
    CHECK(shows(0, server_port) == 0);
  }
}

TEST_CASE("of many ports only the wanted ones are shown, each from the server's end") {
  const auto address = *Address::parse("127.0.0.1");
  std::vector<ListeningSocket> listening;
  std::vector<Wire> clients;
  for (int at = 0; at < 5; ++at) {
    auto opened = ListeningSocket::open(conf::InetEndpoint{address, 0});
    REQUIRE(opened.has_value());
    listening.push_back(std::move(*opened));
    clients.push_back(connect_to("127.0.0.1", AF_INET, port_of(listening.back().fd())));
  }
  const auto port = [&](std::size_t at) { return port_of(listening[at].fd()); };
  KernelTcpTable kernel;
  std::vector<policy::TcpConnection> table;
  for (const auto& wanted : std::vector<std::vector<std::uint16_t>>{
           {port(0)}, {port(1), port(3)}, {port(0), port(2), port(4)}, {1, port(4), 2, port(0), 3}, {1, 2}}) {
    REQUIRE(kernel.read(wanted, table).has_value());
    std::vector<std::uint16_t> found;
    for (const auto& connection : table) found.push_back(connection.server_port);
    std::vector<std::uint16_t> expected;
    for (std::size_t at = 0; at < listening.size(); ++at) {
      if (std::ranges::find(wanted, port(at)) != wanted.end()) expected.push_back(port(at));
    }
    std::ranges::sort(found);
    std::ranges::sort(expected);
    CHECK(found == expected);
  }
}

TEST_CASE("as many ports as may be asked for can be") {
  std::vector<std::uint16_t> ports;
  for (std::size_t at = 0; at < most_server_ports; ++at) ports.push_back(static_cast<std::uint16_t>(at + 1));
  KernelTcpTable kernel;
  std::vector<policy::TcpConnection> table;
  CHECK(kernel.read(ports, table).has_value());
}

TEST_CASE("a connection is there until both ends are closed, in one reading after the other") {
  const auto listening = ListeningSocket::open(conf::InetEndpoint{*Address::parse("127.0.0.1"), 0});
  REQUIRE(listening.has_value());
  const std::vector<std::uint16_t> wanted{port_of(listening->fd())};
  KernelTcpTable kernel;
  std::vector<policy::TcpConnection> table;
  const auto shown = [&] {
    REQUIRE(kernel.read(wanted, table).has_value());
    return table.size();
  };
  CHECK(shown() == 0);
  auto client = connect_to("127.0.0.1", AF_INET, wanted.front());
  CHECK(shown() == 1);
  Wire server(::accept(listening->fd(), nullptr, nullptr));
  client.close();
  CHECK(shown() == 1);
  server.close();
  CHECK(shown() == 0);
}

TEST_CASE("the socket of one connection shows whether its client has said something before it was told anything") {
  struct Row {
    const char* label;
    const char* address;
    int family;
  };
  using policy::ClientSocket;
  for (const auto& row : {Row{"IPv4", "127.0.0.1", AF_INET}, Row{"IPv6", "::1", AF_INET6},
                          Row{"IPv4 from an IPv6 socket", "::ffff:127.0.0.1", AF_INET6}}) {
    CAPTURE(row.label);
    const auto address = *Address::parse(row.address);
    const auto listening = ListeningSocket::open(conf::InetEndpoint{address, 0});
    REQUIRE(listening.has_value());
    const auto port = port_of(listening->fd());
    KernelTcpTable kernel;
    policy::TcpConnection connection{address, 0, address, port};
    const auto shown = [&] { return kernel.find(connection).value(); };
    const auto connect = [&] {
      auto client = connect_to(row.address, row.family, port);
      connection.client_port = port_of(client.fd());
      return client;
    };

    auto patient = connect();
    const Wire server(::accept(listening->fd(), nullptr, nullptr));
    CHECK(shown() == ClientSocket::silent);
    patient.close();
    CHECK(shown() == ClientSocket::gone);

    auto impatient = connect();
    auto read_from = Wire(::accept(listening->fd(), nullptr, nullptr));
    impatient.write("EHLO a\r\n");
    CHECK(shown() == ClientSocket::talked);
    // As Postfix does with what has come by then.
    CHECK(read_from.read() == "EHLO a\r\n");
    CHECK(shown() == ClientSocket::talked);
    impatient.close();
    CHECK(shown() == ClientSocket::talked);
    read_from.close();
    CHECK((shown() == ClientSocket::gone || shown() == ClientSocket::not_here));

    // Its answer to what the server has said.
    auto answering = connect();
    auto first = Wire(::accept(listening->fd(), nullptr, nullptr));
    first.write("220-wait\r\n");
    answering.write("EHLO a\r\n");
    CHECK(first.read() == "EHLO a\r\n");
    CHECK(shown() == ClientSocket::silent);
    answering.write("MAIL\r\n");
    CHECK(shown() == ClientSocket::talked);

    connection.client_port = 1;
    CHECK(shown() == ClientSocket::not_here);
  }
}

TEST_CASE("a connection between two families is none, and one to an address of another host is not here") {
  KernelTcpTable kernel;
  const auto ipv4 = *Address::parse("192.0.2.7");
  const auto ipv6 = *Address::parse("2001:db8::7");
  for (const auto& [client, server] :
       {std::pair(ipv4, ipv6), std::pair(ipv6, ipv4), std::pair(ipv4, ipv4), std::pair(ipv6, ipv6)}) {
    CHECK(kernel.find({client, 4711, server, 25}).value() == policy::ClientSocket::not_here);
  }
}

}  // namespace mxwarden::server
