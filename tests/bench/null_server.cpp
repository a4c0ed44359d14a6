// null_server LISTEN - the least an honest policy server can do: finds the blank line that ends a request, answers
// action=DUNNO. What mxwardend costs beyond this is what its decisions cost.
//
// One thread, one epoll, one recv() and one send() for a request; requests may come in parts, or several at once.
// LISTEN is inet:ADDR:PORT or unix:/path. Runs until it is killed.
//
// BUGS: an answer that the socket does not take at once closes the connection; a client that reads its answers never
// meets this.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bench/endpoint.hpp"

namespace mxwarden::bench {

namespace {

constexpr std::string_view answer = "action=DUNNO\n\n";

class NullServer {
 public:
  NullServer(int listener, bool inet) : listener_(listener), inet_(inet), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int at = 0; at < ready; ++at) {
        const int fd = events[static_cast<std::size_t>(at)].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (!serve(fd)) {
          ::close(fd);
        }
      }
    }
  }

 private:
  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      if (inet_) send_at_once(fd);
      if (ends_in_newline_.size() <= static_cast<std::size_t>(fd))
        ends_in_newline_.resize(static_cast<std::size_t>(fd) + 1);
      ends_in_newline_[static_cast<std::size_t>(fd)] = 0;
      watch(fd);
    }
  }

  bool serve(int fd) {
    const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    const std::size_t requests =
        count_ends({buffer_.data(), static_cast<std::size_t>(got)}, ends_in_newline_[static_cast<std::size_t>(fd)]);
    for (std::size_t at = 0; at < requests; ++at) {
      if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(answer.size())) return false;
    }
    return true;
  }

  // Of a request that is not complete only this is to be remembered: whether its last byte so far ended a line.
  static std::size_t count_ends(std::string_view text, char& ends_in_newline) {
    std::size_t ends = 0;
    if (ends_in_newline != 0 && text.front() == '\n') {
      ++ends;
      ends_in_newline = 0;
      text.remove_prefix(1);
    }
    while (!text.empty()) {
      const auto* blank = static_cast<const char*>(::memmem(text.data(), text.size(), "\n\n", 2));
      if (blank == nullptr) {
        ends_in_newline = text.back() == '\n' ? 1 : 0;
        return ends;
      }
      ++ends;
      ends_in_newline = 0;
      text.remove_prefix(static_cast<std::size_t>(blank - text.data()) + 2);
    }
    return ends;
  }

  int listener_;
  bool inet_;
  int epoll_;
  std::vector<char> ends_in_newline_;  // by descriptor
  std::array<char, 65536> buffer_{};
};

}  // namespace

}  // namespace mxwarden::bench

int main(int count, char** arguments) {
  using namespace mxwarden::bench;
  if (count != 2) {
    std::fputs("usage: null_server inet:ADDR:PORT | unix:/path\n", stderr);
    return 2;
  }
  const auto endpoint = Endpoint::parse(arguments[1]);
  if (!endpoint) {
    std::fprintf(stderr, "null_server: %s\n", endpoint.error().message.c_str());
    return 2;
  }
  const auto listener = listen_at(*endpoint);
  if (!listener) {
    std::fprintf(stderr, "null_server: %s: %s\n", arguments[1], listener.error().message.c_str());
    return 1;
  }
  static NullServer server(*listener, endpoint->is_inet());
  server.run();
}
