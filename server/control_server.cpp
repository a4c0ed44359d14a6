#include "server/control_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mxwarden::server {
namespace {

using boost::system::error_code;

ControlPeer peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  // What the kernel says of a socket that is not a unix one.
  if (credentials.uid == static_cast<uid_t>(-1)) return {};
  return {.uid = credentials.uid};
}

}  // namespace

class ControlConnection : public std::enable_shared_from_this<ControlConnection> {
 public:
  ControlConnection(Socket socket, const ControlPeer& peer, ControlServer& server)
      : socket_(std::move(socket)), timer_(server.context_), peer_(peer), server_(&server) {}

  void read();
  void tick();
  // The server forgets it, or is no more.
  void close();

 private:
  static constexpr std::size_t read_size = 16384;

  void go_on();
  void ask(std::string_view line);
  void answered(std::string answer);
  void write(std::string answer);
  void send_output();
  void sent();
  void give_up_after(Duration patience);

  void start_stream();
  void watch_client();
  void asked_in_stream();
  void news_of_stream();
  void send_stream();
  bool take_from_stream();

  Socket socket_;
  Timer timer_;
  ControlPeer peer_;
  ControlServer* server_;
  std::string input_;
  std::size_t searched_ = 0;  // of input_: no line feed is there
  std::string output_;
  bool line_is_timed_ = false;  // the one that was begun
  bool input_ends_ = false;     // the client sends no more
  bool waits_ = false;          // for an answer of the operations
  bool first_ = true;           // nothing was answered yet
  bool last_ = false;           // nothing more is to be answered
  bool sending_ = false;        // output_ is on its way
  std::unique_ptr<ControlStream> stream_;
  bool streaming_ = false;     // the answer before it is gone
  bool news_are_due_ = false;  // of the stream
};

void ControlConnection::give_up_after(Duration patience) {
  timer_.expires_after(patience);
  timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled) self->close();
  });
}

void ControlConnection::read() {
  if (input_.empty()) {
    give_up_after(server_->patience_.with_silence);
  } else if (!std::exchange(line_is_timed_, true)) {
    // From its first bytes on, however many come after them.
    give_up_after(server_->patience_.with_line);
  }
  const auto before = input_.size();
  input_.resize(before + read_size);
  socket_.async_read_some(boost::asio::buffer(input_.data() + before, read_size),
                          [self = shared_from_this(), before](const error_code& error, std::size_t size) {
                            if (self->server_ == nullptr) return;
                            self->input_.resize(before + size);
                            self->input_ends_ = static_cast<bool>(error);
                            self->go_on();
                          });
}

// The next line of what was read, or more of it.
void ControlConnection::go_on() {
  const auto end = input_.find('\n', searched_);
  const auto length = end == std::string::npos ? input_.size() : end + 1;
  if (length > ControlServer::longest_line) {
    last_ = true;
    write(ControlOperations::error(
        fmt::format("a line may have {} bytes; the connection is closed", ControlServer::longest_line), first_));
  } else if (end != std::string::npos) {
    const auto line = input_.substr(0, end);
    input_.erase(0, end + 1);
    searched_ = 0;
    ask(line);
  } else if (input_ends_) {
    close();
  } else {
    searched_ = input_.size();
    read();
  }
}

void ControlConnection::ask(std::string_view line) {
  // The store answers when it will; the client need not hurry meanwhile.
  timer_.cancel();
  line_is_timed_ = false;
  waits_ = true;
  try {
    peer_.may_follow = server_->streams_ < ControlServer::most_streams;
    stream_ = server_->operations_.answer(line, peer_, first_, [weak = weak_from_this()](std::string answer) {
      if (const auto self = weak.lock()) self->answered(std::move(answer));
    });
  } catch (const std::exception& exception) {
    // Memory, or a bug: of this one request.
    answered(ControlOperations::error(exception.what(), first_));
  }
}

void ControlConnection::answered(std::string answer) {
  if (server_ != nullptr && std::exchange(waits_, false)) write(std::move(answer));
}

void ControlConnection::write(std::string answer) {
  first_ = false;
  output_ = std::move(answer);
  output_ += '\n';
  give_up_after(server_->patience_.with_line);
  send_output();
}

void ControlConnection::send_output() {
  sending_ = true;
  boost::asio::async_write(socket_, boost::asio::buffer(output_),
                           [self = shared_from_this()](const error_code& error, std::size_t) {
                             if (self->server_ == nullptr) return;
                             self->sending_ = false;
                             if (error) {
                               self->close();
                             } else {
                               self->sent();
                             }
                           });
}

void ControlConnection::sent() {
  if (last_) {
    close();
  } else if (streaming_) {
    send_stream();
  } else if (stream_) {
    start_stream();
  } else {
    go_on();
  }
}

// From here on the stream is sent, and what the client does is watched, side by side.
void ControlConnection::start_stream() {
  timer_.cancel();
  streaming_ = true;
  ++server_->streams_;
  // Owned by this, so that it calls no longer than this lives.
  stream_->start([this] { news_of_stream(); });
  if (!input_.empty()) return asked_in_stream();
  if (input_ends_) return close();
  watch_client();
  send_stream();
}

void ControlConnection::watch_client() {
  input_.resize(1);
  socket_.async_read_some(boost::asio::buffer(input_),
                          [self = shared_from_this()](const error_code& error, std::size_t) {
                            if (self->server_ == nullptr) return;
                            if (error) {
                              self->close();
                            } else {
                              self->asked_in_stream();
                            }
                          });
}

// Its client waits for an answer that will not come: behind what is on its way it is told so.
void ControlConnection::asked_in_stream() {
  stream_ = nullptr;
  give_up_after(server_->patience_.with_line);
  send_stream();
}

// Once a turn, however much there is in it.
void ControlConnection::news_of_stream() {
  if (sending_ || std::exchange(news_are_due_, true)) return;
  boost::asio::post(server_->context_, [self = shared_from_this()] {
    self->news_are_due_ = false;
    if (self->server_ != nullptr) self->send_stream();
  });
}

void ControlConnection::send_stream() {
  if (sending_ || last_) return;
  if (stream_ == nullptr) {
    last_ = true;
    return write(
        ControlOperations::error("nothing else can be asked while a stream runs; the connection is closed", first_));
  }
  output_.clear();
  last_ = !take_from_stream();
  if (!output_.empty()) return send_output();
  if (last_) close();
}

void ControlConnection::tick() {
  if (streaming_ && stream_) stream_->tick();
}

bool ControlConnection::take_from_stream() {
  try {
    return stream_->take(output_);
  } catch (const std::exception&) {
    // Memory, or a bug: of this one stream.
    output_.clear();
    return false;
  }
}

void ControlConnection::close() {
  if (server_ == nullptr) return;
  const auto self = shared_from_this();
  auto* server = std::exchange(server_, nullptr);
  error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  stream_ = nullptr;
  if (streaming_) --server->streams_;
  server->open_.erase(self);
}

void ControlServer::open(FileDescriptor socket) {
  if (open_.size() >= most_connections) {
    const auto answer = ControlOperations::error(
                            fmt::format("{} control connections are open, as many as may be", open_.size()), true) +
                        "\n";
    // A new socket has room for it.
    (void)::send(socket.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  const auto peer = peer_of(socket.get());
  Socket accepted(context_);
  accepted.assign({AF_UNIX, 0}, socket.get());
  socket.release();
  const auto connection = std::make_shared<ControlConnection>(std::move(accepted), peer, *this);
  open_.insert(connection);
  connection->read();
}

void ControlServer::tick() {
  for (const auto& connection : open_) connection->tick();
}

void ControlServer::close_all() {
  while (!open_.empty()) {
    const auto connection = *open_.begin();
    connection->close();
  }
}

}  // namespace mxwarden::server
