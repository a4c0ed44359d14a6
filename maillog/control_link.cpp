#include "maillog/control_link.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "base/escape.hpp"
#include "maillog/source/executor.hpp"

namespace mxwarden::maillog {
namespace {

using boost::system::error_code;
using Protocol = boost::asio::local::stream_protocol;
using Socket = boost::asio::basic_stream_socket<Protocol, Executor>;

// An answer has 64 KiB at most; who sends more is no mxwardend.
constexpr std::size_t longest_answer = 65536;
constexpr std::size_t longest_path = sizeof sockaddr_un::sun_path - 1;

// What can be done about it, if that is known.
std::string_view remedy_for(const error_code& error) {
  if (error != boost::system::errc::permission_denied) return {};
  return "; the user that this runs as must be in the group of [server] control";
}

}  // namespace

class ControlLink::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::io_context& context, std::string path, Duration patience)
      : context_(context), socket_(context), timer_(context), path_(std::move(path)), patience_(patience) {}

  void ask(std::string request, Answered answered);
  void close();

 private:
  void connect();
  void write();
  void read();
  void received(std::size_t size);
  void fail(std::string_view why);
  void finish(Result<std::string> answer);
  void hang_up();
  // Calls what is to follow, unless the connection it was begun for is no more.
  template <class Next>
  auto then(std::string_view what, Next next) {
    return [self = shared_from_this(), attempt = attempt_, what, next](const error_code& error, std::size_t size = 0) {
      if (attempt != self->attempt_) return;
      if (error) return self->fail(fmt::format("{}: {}{}", what, error.message(), remedy_for(error)));
      next(size);
    };
  }

  boost::asio::io_context& context_;
  Socket socket_;
  Timer timer_;
  std::string path_;
  Duration patience_;
  std::string request_;
  Answered answered_;
  std::array<char, 4096> buffer_{};
  std::string input_;
  bool old_ = false;  // the connection has had an answer before
  std::uint64_t questions_ = 0;
  std::uint64_t attempt_ = 0;  // to connect
};

void ControlLink::Connection::ask(std::string request, Answered answered) {
  request_ = std::move(request) + '\n';
  answered_ = std::move(answered);
  input_.clear();
  timer_.expires_after(patience_);
  timer_.async_wait([self = shared_from_this(), question = ++questions_](const error_code& cancelled) {
    if (cancelled || question != self->questions_) return;
    self->old_ = false;
    self->fail(fmt::format("there is no answer within {} s",
                           std::chrono::floor<std::chrono::seconds>(self->patience_).count()));
  });
  old_ = socket_.is_open();
  old_ ? write() : connect();
}

void ControlLink::Connection::connect() {
  if (path_.empty() || path_.size() > longest_path) {
    return boost::asio::post(context_, [self = shared_from_this()] {
      self->fail(fmt::format("[server] control must have 1 to {} bytes", longest_path));
    });
  }
  socket_.async_connect(Protocol::endpoint(path_), then("no connection", [this](std::size_t) { write(); }));
}

void ControlLink::Connection::write() {
  boost::asio::async_write(socket_, boost::asio::buffer(request_),
                           then("it does not read", [this](std::size_t) { read(); }));
}

void ControlLink::Connection::read() {
  socket_.async_read_some(boost::asio::buffer(buffer_),
                          then("it has ended the connection", [this](std::size_t size) { received(size); }));
}

void ControlLink::Connection::received(std::size_t size) {
  input_.append(buffer_.data(), size);
  const auto end = input_.find('\n');
  if (end != std::string::npos) return finish({boost::system::in_place_value, input_, 0, end});
  old_ = false;
  if (input_.size() > longest_answer) return fail("its answer has no end");
  read();
}

void ControlLink::Connection::fail(std::string_view why) {
  hang_up();
  // Ended while it was silent, as is mxwardend's way: that is no failure.
  if (std::exchange(old_, false)) return connect();
  finish(Error{fmt::format("{} ({})", why, printable(path_))});
}

void ControlLink::Connection::finish(Result<std::string> answer) {
  timer_.cancel();
  if (const auto answered = std::exchange(answered_, nullptr)) answered(std::move(answer));
}

void ControlLink::Connection::hang_up() {
  ++attempt_;
  error_code ignored;
  socket_.close(ignored);
}

void ControlLink::Connection::close() {
  answered_ = nullptr;
  hang_up();
  timer_.cancel();
}

ControlLink::ControlLink(boost::asio::io_context& context, std::string path, Duration patience)
    : connection_(std::make_shared<Connection>(context, std::move(path), patience)) {}

ControlLink::~ControlLink() {
  close();
}

void ControlLink::ask(std::string request, Answered answered) {
  connection_->ask(std::move(request), std::move(answered));
}

void ControlLink::close() {
  connection_->close();
}

}  // namespace mxwarden::maillog
