#include "server/listener.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mxwarden::server {
namespace {

using boost::system::error_code;

constexpr Duration shortest_pause = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(1);
// So that those who are connected already get their turn.
constexpr int most_at_once = 64;

// The connection was gone before it was taken, or the network had a word to say about it (accept(2)).
bool concerns_one_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

std::uint32_t peer_pid(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return 0;
  return static_cast<std::uint32_t>(std::max(credentials.pid, 0));
}

}  // namespace

Listener::Listener(boost::asio::io_context& context, const Clock& clock, ListeningSocket socket, std::string name,
                   Accepted accepted)
    : clock_(clock),
      socket_(std::move(socket)),
      name_(std::move(name)),
      accepted_(std::move(accepted)),
      is_tcp_(socket_.is_tcp()),
      readable_(context, ::fcntl(socket_.fd(), F_DUPFD_CLOEXEC, 0)),
      pause_timer_(context) {
  // One that systemd opened may block.
  (void)::fcntl(socket_.fd(), F_SETFL, ::fcntl(socket_.fd(), F_GETFL) | O_NONBLOCK);
}

void Listener::close() {
  error_code ignored;
  readable_.close(ignored);
  pause_timer_.cancel();
  socket_ = ListeningSocket::adopt(-1);
}

void Listener::wait() {
  readable_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const error_code& error) {
    if (!error) accept_waiting();
  });
}

void Listener::accept_waiting() {
  for (int accepted = 0; accepted < most_at_once && socket_.fd() >= 0; ++accepted) {
    const auto fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      pause_ = {};
      hand_over(FileDescriptor(fd));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (!concerns_one_connection(errno)) {
      pause(errno);
      return;
    }
  }
  if (socket_.fd() >= 0) wait();
}

void Listener::hand_over(FileDescriptor connection) {
  try {
    const auto pid = is_tcp_ ? 0 : peer_pid(connection.get());
    accepted_(std::move(connection), {name_, is_tcp_, pid});
  } catch (const std::exception& exception) {
    warning_.warn(fmt::format("listener {}: a connection was dropped: {}", name_, exception.what()), clock_.now());
  }
}

void Listener::pause(int error) {
  pause_ = std::clamp(2 * pause_, shortest_pause, longest_pause);
  warning_.warn(fmt::format("listener {}: accept: {}; connections wait until descriptors or memory are free", name_,
                            std::strerror(error)),
                clock_.now());
  pause_timer_.expires_after(pause_);
  pause_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled) accept_waiting();
  });
}

}  // namespace mxwarden::server
