#include "maillog/source/stream_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"

namespace mxwarden::maillog {
namespace {

using boost::system::error_code;

constexpr std::size_t read_size = 65536;
constexpr mode_t fifo_mode = 0600;

}  // namespace

Result<FileDescriptor> open_fifo(const std::string& path) {
  const auto cannot = [&](std::string_view what) {
    return Error{
        fmt::format("the FIFO {} cannot be {}: {}; make it with mkfifo, for the user that this runs as to read and "
                    "write",
                    printable(path), what, std::strerror(errno))};
  };
  if (::mkfifo(path.c_str(), fifo_mode) != 0 && errno != EEXIST) return cannot("made");
  FileDescriptor fifo(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fifo.get() < 0) return cannot("opened");
  struct stat status {};
  if (::fstat(fifo.get(), &status) != 0 || !S_ISFIFO(status.st_mode)) {
    return Error{fmt::format("{} is no FIFO; remove it, or name another [maillog] source", printable(path))};
  }
  return fifo;
}

Result<void> lock_fifo(const FileDescriptor& fifo, const std::string& path) {
  if (::flock(fifo.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK) {
    return Error{fmt::format("another mxwarden-maillog reads the FIFO {}; end it, or name another [maillog] source",
                             printable(path))};
  }
  return Error{fmt::format("the FIFO {} cannot be locked: {}; name another [maillog] source", printable(path),
                           std::strerror(errno))};
}

StreamSource::StreamSource(boost::asio::io_context& context, const Clock& clock, LineTaker& taker,
                           FileDescriptor stream)
    : context_(context),
      clock_(clock),
      taker_(taker),
      stream_(context, stream.release()),
      buffer_(read_size, '\0'),
      alive_(std::make_shared<int>()) {}

Result<void> StreamSource::start() {
  struct stat status {};
  if (::fstat(stream_.native_handle(), &status) != 0) {
    return Error{fmt::format("what is to be read cannot be: {}", std::strerror(errno))};
  }
  always_ready_ = S_ISREG(status.st_mode);
  await();
  return {};
}

void StreamSource::go_on() {
  await();
}

void StreamSource::await() {
  if (ended_ || std::exchange(waits_, true)) return;
  const auto ready = [this, alive = std::weak_ptr(alive_)](const error_code& error) {
    if (error || alive.expired()) return;
    waits_ = false;
    read();
  };
  if (always_ready_) return boost::asio::post(context_, [ready] { ready({}); });
  // Readiness alone: standard input is shared with others, and is not to be made non-blocking for them.
  stream_.async_wait(Descriptor::wait_read, ready);
}

void StreamSource::read() {
  if (taker_.full()) return;
  const auto size = ::read(stream_.native_handle(), buffer_.data(), buffer_.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return await();
  ended_ = size <= 0;
  if (size < 0) log::error(fmt::format("what is to be read cannot be any more: {}", std::strerror(errno)));
  const auto take = [this](std::optional<std::string_view> text, std::uint64_t) {
    const auto line = text ? parser_.parse(*text, clock_.wall_now()) : std::nullopt;
    taker_.take(line ? &*line : nullptr, ++lines_);
  };
  if (size > 0) {
    splitter_.feed(std::string_view(buffer_).substr(0, static_cast<std::size_t>(size)), take);
  } else {
    splitter_.end(take);
  }
  taker_.taken();
  ended_ ? taker_.ended() : await();
}

void StreamSource::stop() {
  alive_ = nullptr;
  ended_ = true;
  error_code ignored;
  stream_.close(ignored);
}

}  // namespace mxwarden::maillog
