#pragma once
// A socket that listens: opened here from a configured endpoint, or handed over by systemd (server/activation.hpp).

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "conf/settings.hpp"

namespace mxwarden::server {

// Owns the descriptor, and the path of a unix socket of its own making, which is unlinked at the end.
class ListeningSocket {
 public:
  // TCP: IPv6 without the mapped IPv4 addresses, so that both families can be configured with one port.
  // Unix: the path of a socket that nobody answers at any more is taken over; anything else there is an error. The
  // error names the endpoint, what failed, and a remedy where there is a usual one.
  static Result<ListeningSocket> open(const conf::Endpoint& endpoint);
  // One that listens already. What it is bound to stays another's to clean up.
  static ListeningSocket adopt(int fd);

  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket();

  int fd() const { return fd_; }
  bool is_tcp() const;

 private:
  explicit ListeningSocket(int fd) : fd_(fd) {}

  static Result<ListeningSocket> open_inet(const conf::InetEndpoint& endpoint);
  static Result<ListeningSocket> open_unix(const conf::UnixEndpoint& endpoint);
  void close();

  int fd_ = -1;
  std::string path_;  // of our own making; empty otherwise
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;  // so that a successor's socket at the same path is left alone
};

// Where a listening socket is bound to; an error for other families than IPv4, IPv6 and unix.
Result<conf::Endpoint> local_endpoint(int fd);

}  // namespace mxwarden::server
