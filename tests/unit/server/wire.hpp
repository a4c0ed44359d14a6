#pragma once
// The other end of a connection, as a test holds it: plain system calls that never wait.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "base/file_descriptor.hpp"

namespace mxwarden::server {

class Wire {
 public:
  explicit Wire(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
  Wire(Wire&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Wire() { close(); }

  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void write(std::string_view text) {
    REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(text.size()));
  }
  // All that is there; notes whether the other end has closed.
  std::string read() {
    std::string text;
    char buffer[65536];
    while (true) {
      const auto size = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (size <= 0) {
        closed_ = size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
        return text;
      }
      text.append(buffer, static_cast<std::size_t>(size));
    }
  }
  bool closed() {
    read();
    return closed_;
  }

 private:
  int fd_;
  bool closed_ = false;
};

// One end for the test, the other as the server has it after an accept.
inline std::pair<Wire, FileDescriptor> connected_pair() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  return {Wire(ends[0]), FileDescriptor(ends[1])};
}

}  // namespace mxwarden::server
