#include "server/listening_socket.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace mxwarden::server {
namespace {

// The kernel cuts it to net.core.somaxconn.
constexpr int backlog = 4096;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const conf::InetEndpoint& endpoint) {
  SocketAddress result;
  const auto& bytes = endpoint.address.bytes();
  if (endpoint.address.is_ipv4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, bytes.data(), sizeof address.sin_addr);
    std::memcpy(&result.storage, &address, result.size = sizeof address);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    std::memcpy(&address.sin6_addr, bytes.data(), sizeof address.sin6_addr);
    std::memcpy(&result.storage, &address, result.size = sizeof address);
  }
  return result;
}

Result<SocketAddress> to_socket_address(const conf::UnixEndpoint& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.path.size() >= sizeof address.sun_path) {
    return Error{fmt::format("cannot listen on unix:{}: a unix socket's path has at most {} bytes", endpoint.path,
                             sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
  SocketAddress result;
  std::memcpy(&result.storage, &address, result.size = sizeof address);
  return result;
}

std::string_view remedy(int error) {
  switch (error) {
    case EADDRINUSE:
      return "; another program listens there: stop it, or choose another port";
    case EADDRNOTAVAIL:
      return "; the address is not one of this host's (yet?)";
    case EACCES:
    case EPERM:
      return "; ports below 1024 and other users' directories need a privilege: choose another, or let systemd open it";
    case ENOENT:
      return "; its directory does not exist";
    case EAFNOSUPPORT:
      return "; the kernel has no such address family";
    default:
      return "";
  }
}

Error cannot_listen(const conf::Endpoint& endpoint, const char* call, int error) {
  return {fmt::format("cannot listen on {}: {}: {}{}", conf::to_string(endpoint), call, std::strerror(error),
                      remedy(error))};
}

int make_socket(int family) {
  return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

// A daemon that was killed leaves its socket behind. Only a socket that nobody answers at is removed.
Result<void> remove_stale(const conf::UnixEndpoint& endpoint, const SocketAddress& address) {
  struct stat found {};
  if (::lstat(endpoint.path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return Error{
        fmt::format("cannot listen on unix:{}: there is something that is no socket; remove it, or choose "
                    "another path",
                    endpoint.path)};
  }
  const auto probe = make_socket(AF_UNIX);
  if (probe < 0) return cannot_listen(endpoint, "socket", errno);
  const auto answered = ::connect(probe, address.get(), address.size) == 0 || errno != ECONNREFUSED;
  ::close(probe);
  if (answered) return cannot_listen(endpoint, "bind", EADDRINUSE);
  if (::unlink(endpoint.path.c_str()) != 0) return cannot_listen(endpoint, "removing the old socket", errno);
  return {};
}

}  // namespace

Result<ListeningSocket> ListeningSocket::open(const conf::Endpoint& endpoint) {
  if (const auto* inet = std::get_if<conf::InetEndpoint>(&endpoint)) return open_inet(*inet);
  return open_unix(std::get<conf::UnixEndpoint>(endpoint));
}

Result<ListeningSocket> ListeningSocket::open_inet(const conf::InetEndpoint& endpoint) {
  const auto address = to_socket_address(endpoint);
  ListeningSocket socket(make_socket(address.storage.ss_family));
  if (socket.fd_ < 0) return cannot_listen(endpoint, "socket", errno);
  const int on = 1;
  // A restart must listen again within a second, whatever connections linger.
  if (::setsockopt(socket.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return cannot_listen(endpoint, "SO_REUSEADDR", errno);
  }
  if (!endpoint.address.is_ipv4() && ::setsockopt(socket.fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    return cannot_listen(endpoint, "IPV6_V6ONLY", errno);
  }
  if (::bind(socket.fd_, address.get(), address.size) != 0) return cannot_listen(endpoint, "bind", errno);
  if (::listen(socket.fd_, backlog) != 0) return cannot_listen(endpoint, "listen", errno);
  return socket;
}

Result<ListeningSocket> ListeningSocket::open_unix(const conf::UnixEndpoint& endpoint) {
  const auto address = to_socket_address(endpoint);
  if (!address) return address.error();
  if (const auto removed = remove_stale(endpoint, *address); !removed) return removed.error();
  ListeningSocket socket(make_socket(AF_UNIX));
  if (socket.fd_ < 0) return cannot_listen(endpoint, "socket", errno);
  if (::bind(socket.fd_, address->get(), address->size) != 0) return cannot_listen(endpoint, "bind", errno);
  socket.path_ = endpoint.path;
  struct stat made {};
  if (::lstat(endpoint.path.c_str(), &made) == 0) {
    socket.device_ = made.st_dev;
    socket.inode_ = made.st_ino;
  }
  // Before listen: until then nobody can connect, whatever the umask left open.
  if (::chmod(endpoint.path.c_str(), static_cast<mode_t>(endpoint.mode)) != 0) {
    return cannot_listen(endpoint, "chmod", errno);
  }
  if (::listen(socket.fd_, backlog) != 0) return cannot_listen(endpoint, "listen", errno);
  return socket;
}

ListeningSocket ListeningSocket::adopt(int fd) {
  return ListeningSocket(fd);
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  path_ = std::exchange(other.path_, {});
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

ListeningSocket::~ListeningSocket() {
  close();
}

void ListeningSocket::close() {
  struct stat found {};
  if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  path_.clear();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool ListeningSocket::is_tcp() const {
  const auto endpoint = local_endpoint(fd_);
  return endpoint && std::holds_alternative<conf::InetEndpoint>(*endpoint);
}

Result<conf::Endpoint> local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return Error{fmt::format("getsockname: {}", std::strerror(errno))};
  }
  if (storage.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof address);
    const auto* bytes = reinterpret_cast<const unsigned char*>(&address.sin_addr);
    return conf::Endpoint{
        conf::InetEndpoint{Address::from_bytes(Address::Family::ipv4, bytes), ntohs(address.sin_port)}};
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, &storage, sizeof address);
    const auto* bytes = reinterpret_cast<const unsigned char*>(&address.sin6_addr);
    return conf::Endpoint{
        conf::InetEndpoint{Address::from_bytes(Address::Family::ipv6, bytes), ntohs(address.sin6_port)}};
  }
  if (storage.ss_family == AF_UNIX) {
    sockaddr_un address{};
    std::memcpy(&address, &storage, sizeof address);
    const auto length = size - offsetof(sockaddr_un, sun_path);
    return conf::Endpoint{conf::UnixEndpoint{std::string(address.sun_path, ::strnlen(address.sun_path, length))}};
  }
  return Error{"neither IPv4, IPv6 nor unix"};
}

}  // namespace mxwarden::server
