#include "firewall/control_socket.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/clock.hpp"

#include "base/escape.hpp"

namespace mxwarden::firewall {
namespace {

// mxwardend's have 64 KiB at most.
constexpr std::size_t longest_line = 65536;
constexpr std::size_t read_size = 65536;
constexpr int patience_ms = 200;

std::string_view remedy_for(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "; the user that this runs as must be in the group of [server] control";
    case ENOENT:
    case ECONNREFUSED:
      return "; is mxwardend running, and is this its [server] control?";
    default:
      return {};
  }
}

Error failed(const std::string& path, std::string_view what, int error) {
  return {fmt::format("{} {}: {}{}", what, printable(path), std::strerror(error), remedy_for(error))};
}

}  // namespace

Result<ControlSocket> ControlSocket::open(const std::string& path, std::string_view question) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{fmt::format("[server] control must have 1 to {} bytes", sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return failed(path, "cannot make a socket for", errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed(path, "no mxwardend answers at", errno);
  }
  const auto line = std::string(question) + '\n';
  // The socket is new: it has room for a line.
  if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    return failed(path, "mxwardend does not listen at", errno);
  }
  return ControlSocket(std::move(fd), path);
}

Result<void> ControlSocket::read(const std::function<Result<void>(std::string_view line)>& take) {
  const auto kept = input_.size();
  input_.resize(kept + read_size);
  const auto size = ::recv(fd_.get(), input_.data() + kept, read_size, 0);
  const auto error = errno;
  input_.resize(kept + static_cast<std::size_t>(size > 0 ? size : 0));
  if (size == 0) return Error{fmt::format("mxwardend at {} has ended the connection", printable(path_))};
  if (size < 0 && (error == EAGAIN || error == EINTR)) return {};
  if (size < 0) return failed(path_, "the connection has broken with", error);
  std::size_t begin = 0;
  for (auto end = input_.find('\n', kept); end != std::string::npos; end = input_.find('\n', begin)) {
    if (const auto taken = take(std::string_view(input_).substr(begin, end - begin)); !taken) return taken.error();
    begin = end + 1;
  }
  input_.erase(0, begin);
  if (input_.size() > longest_line) return Error{fmt::format("{} is not mxwardend's: no end of a line", path_)};
  return {};
}

Result<std::string> ask(const std::string& path, std::string_view question) {
  auto socket = ControlSocket::open(path, question);
  if (!socket) return socket.error();
  std::optional<std::string> answer;
  pollfd waited{socket->fd(), POLLIN, 0};
  const SystemClock clock;
  const auto end = clock.now() + std::chrono::milliseconds(patience_ms);
  while (!answer && clock.now() < end && ::poll(&waited, 1, patience_ms) > 0) {
    const auto read = socket->read([&](std::string_view line) -> Result<void> {
      answer = line;
      return {};
    });
    if (!read) return read.error();
  }
  if (!answer) return Error{fmt::format("mxwardend at {} does not answer", printable(path))};
  return {boost::system::in_place_value, std::move(*answer)};
}

}  // namespace mxwarden::firewall
