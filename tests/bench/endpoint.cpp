#include "bench/endpoint.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "base/address.hpp"

namespace mxwarden::bench {

namespace {

Result<Endpoint> parse_unix(std::string_view path) {
  Endpoint endpoint;
  auto& address = reinterpret_cast<sockaddr_un&>(endpoint.address);
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{"unix: wants a path of 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes"};
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  endpoint.length = sizeof address;
  endpoint.path = path;
  return endpoint;
}

Result<Endpoint> parse_inet(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return Error{"inet: wants ADDR:PORT"};
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

  const auto client = Address::parse(host);
  if (!client) return Error{"not an IP address: " + std::string(host)};
  std::uint16_t port = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (wrong != std::errc{} || end != digits.data() + digits.size() || port == 0) {
    return Error{"not a port of 1 to 65535: " + std::string(digits)};
  }

  Endpoint endpoint;
  if (client->is_ipv4()) {
    auto& address = reinterpret_cast<sockaddr_in&>(endpoint.address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    std::memcpy(&address.sin_addr, client->bytes().data(), 4);
    endpoint.length = sizeof address;
  } else {
    auto& address = reinterpret_cast<sockaddr_in6&>(endpoint.address);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(&address.sin6_addr, client->bytes().data(), 16);
    endpoint.length = sizeof address;
  }
  return endpoint;
}

Result<int> open_socket(const Endpoint& endpoint) {
  const int fd = ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error("socket");
  return fd;
}

const sockaddr* as_sockaddr(const Endpoint& endpoint) {
  return reinterpret_cast<const sockaddr*>(&endpoint.address);
}

Error give_up(int fd, std::string_view doing) {
  Error error = system_error(doing);
  ::close(fd);
  return error;
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  constexpr std::string_view inet = "inet:";
  constexpr std::string_view unix_domain = "unix:";
  if (text.starts_with(inet)) return parse_inet(text.substr(inet.size()));
  if (text.starts_with(unix_domain)) return parse_unix(text.substr(unix_domain.size()));
  return Error{"wanted inet:ADDR:PORT or unix:/path, not " + std::string(text)};
}

Result<int> listen_at(const Endpoint& endpoint) {
  const auto opened = open_socket(endpoint);
  if (!opened) return opened.error();
  const int fd = *opened;
  if (endpoint.is_inet()) {
    const int yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  } else {
    ::unlink(endpoint.path.c_str());
  }
  if (::bind(fd, as_sockaddr(endpoint), endpoint.length) != 0) return give_up(fd, "bind");
  if (::listen(fd, SOMAXCONN) != 0) return give_up(fd, "listen");
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return give_up(fd, "fcntl");
  return fd;
}

Result<int> connect_to(const Endpoint& endpoint) {
  const auto opened = open_socket(endpoint);
  if (!opened) return opened.error();
  const int fd = *opened;
  if (::connect(fd, as_sockaddr(endpoint), endpoint.length) != 0) return give_up(fd, "connect");
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return give_up(fd, "fcntl");
  if (endpoint.is_inet()) send_at_once(fd);
  return fd;
}

void send_at_once(int fd) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

Error system_error(std::string_view doing) {
  return Error{std::string(doing) + ": " + std::generic_category().message(errno)};
}

}  // namespace mxwarden::bench
