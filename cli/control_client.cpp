#include "cli/control_client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/escape.hpp"

namespace mxwarden::cli {
namespace {

constexpr timeval patience{10, 0};
// An answer has 64 KiB at most; who sends more is no mxwardend.
constexpr std::size_t longest_answer = 1'000'000;
constexpr std::size_t read_size = 65536;

std::string_view remedy(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "run it as root, or as a member of the group mxwarden";
    case EAGAIN:
      return "it is busy, or stopped; try again";
    default:
      return "is mxwardend running (systemctl status mxwardend), and is this the path of its [server] control? "
             "--control PATH names another";
  }
}

Error unreachable(const std::string& path, int error) {
  return {fmt::format("no mxwardend answers at {}: {}; {}", printable(path), std::strerror(error), remedy(error))};
}

}  // namespace

Result<ControlClient> ControlClient::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{fmt::format("no mxwardend answers at {}: a unix socket's path has 1 to {} bytes",
                             path.empty() ? "\"\"" : printable(path), sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  ControlClient client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), path);
  if (client.fd_ < 0) return unreachable(path, errno);
  for (const auto option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (::setsockopt(client.fd_, SOL_SOCKET, option, &patience, sizeof patience) != 0) return unreachable(path, errno);
  }
  if (::connect(client.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return unreachable(path, errno);
  }
  return client;
}

ControlClient::ControlClient(ControlClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), input_(std::move(other.input_)) {}

ControlClient::~ControlClient() {
  if (fd_ >= 0) ::close(fd_);
}

Error ControlClient::lost(int error) const {
  if (error == EAGAIN) {
    return {fmt::format("mxwardend at {} does not answer within {} s", printable(path_), patience.tv_sec)};
  }
  return {fmt::format("mxwardend at {} has ended the connection{}{}; see its log", printable(path_),
                      error == 0 ? "" : ": ", error == 0 ? "" : std::strerror(error))};
}

Result<void> ControlClient::send(std::string_view line) {
  std::string rest(line);
  rest += '\n';
  while (!rest.empty()) {
    const auto size = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    // What it said before it left is still to be read.
    if (size < 0 && errno == EPIPE) return {};
    if (size < 0) return lost(errno);
    rest.erase(0, static_cast<std::size_t>(size));
  }
  return {};
}

bool ControlClient::await_line(int output) const {
  if (input_.find('\n') != std::string::npos) return true;
  // Of the output the kernel tells only what is wrong with it.
  std::array<pollfd, 2> ends{{{fd_, POLLIN, 0}, {output, 0, 0}}};
  while (::poll(ends.data(), ends.size(), -1) < 0) {
    if (errno != EINTR) return true;
  }
  return ends[1].revents == 0;
}

Result<std::string> ControlClient::receive() {
  std::size_t searched = 0;
  while (true) {
    const auto end = input_.find('\n', searched);
    if (end != std::string::npos) {
      Result<std::string> line(boost::system::in_place_value, input_, 0, end);
      input_.erase(0, end + 1);
      return line;
    }
    searched = input_.size();
    if (searched > longest_answer)
      return Error{fmt::format("{} is not mxwardend's: no end of a line", printable(path_))};
    input_.resize(searched + read_size);
    const auto size = ::recv(fd_, input_.data() + searched, read_size, 0);
    const auto error = errno;
    input_.resize(searched + static_cast<std::size_t>(size > 0 ? size : 0));
    if (size == 0) return lost(0);
    if (size < 0 && error != EINTR) return lost(error);
  }
}

}  // namespace mxwarden::cli
