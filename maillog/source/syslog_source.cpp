#include "maillog/source/syslog_source.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/escape.hpp"
#include "base/file_descriptor.hpp"

namespace mxwarden::maillog {
namespace {

using boost::system::error_code;

constexpr std::size_t longest_datagram = 65536;
// Before others get their turn.
constexpr int most_at_once = 200;
constexpr mode_t socket_mode = 0666;

Error cannot(const std::string& path, std::string_view why) {
  return {fmt::format("the syslog socket {} cannot be made: {}; name another [maillog] source", printable(path), why)};
}

FileDescriptor datagram_socket() {
  return FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Nobody listens at what is left of a process that was killed.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return cannot(path, "there is something that is no socket");
  const auto socket = datagram_socket();
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return cannot(path, "somebody listens there already");
  }
  if (errno != ECONNREFUSED || ::unlink(path.c_str()) != 0) return cannot(path, std::strerror(errno));
  return {};
}

}  // namespace

SyslogSource::SyslogSource(boost::asio::io_context& context, const Clock& clock, LineTaker& taker, std::string path)
    : clock_(clock),
      taker_(taker),
      path_(std::move(path)),
      socket_(context),
      buffer_(longest_datagram, '\0'),
      alive_(std::make_shared<int>()) {}

Result<void> SyslogSource::start() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return cannot(path_, "the path of a socket has 107 bytes at most");
  std::memcpy(address.sun_path, path_.data(), path_.size());
  if (auto removed = remove_stale(path_, address); !removed) return removed;
  auto socket = datagram_socket();
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return cannot(path_, std::strerror(errno));
  }
  bound_ = true;
  if (::chmod(path_.c_str(), socket_mode) != 0) return cannot(path_, std::strerror(errno));
  socket_.assign(socket.release());
  await();
  return {};
}

void SyslogSource::go_on() {
  await();
}

void SyslogSource::await() {
  if (std::exchange(waits_, true)) return;
  socket_.async_wait(Descriptor::wait_read, [this, alive = std::weak_ptr(alive_)](const error_code& error) {
    if (error || alive.expired()) return;
    waits_ = false;
    read();
  });
}

void SyslogSource::read() {
  for (int count = 0; count < most_at_once && !taker_.full(); ++count) {
    const auto size = ::recv(socket_.native_handle(), buffer_.data(), buffer_.size(), 0);
    if (size < 0) break;
    const auto datagram = std::string_view(buffer_).substr(0, static_cast<std::size_t>(size));
    const auto line = parser_.parse_datagram(datagram, clock_.wall_now());
    taker_.take(line ? &*line : nullptr, ++datagrams_);
  }
  taker_.taken();
  if (!taker_.full()) await();
}

void SyslogSource::stop() {
  alive_ = nullptr;
  error_code ignored;
  socket_.close(ignored);
  if (std::exchange(bound_, false)) ::unlink(path_.c_str());
}

}  // namespace mxwarden::maillog
