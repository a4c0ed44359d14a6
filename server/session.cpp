#include "server/session.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "server/sessions.hpp"

namespace mxwarden::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void set_tcp_option(int fd, int option) {
  const int on = 1;
  // Costs time if it fails, never correctness.
  (void)::setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on);
}

}  // namespace

Session::Session(Socket socket, const Entrance& entrance, std::uint64_t id, Instant now, Sessions& sessions)
    : socket_(std::move(socket)), sessions_(sessions), entrance_(entrance), last_used_(now) {
  inquiry_.request.listener = entrance_.listener;
  inquiry_.request.policy_connection = id;
  inquiry_.request.peer_pid = entrance_.peer_pid;
}

void Session::start() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  if (entrance_.is_tcp) set_tcp_option(socket_.native_handle(), TCP_NODELAY);
  work();
}

// The one place where an exception of the core ends: memory that ran out, or a bug. It costs this request its verdict
// or this connection its life, never the daemon.
template <class Work>
void Session::guarded(Work work) {
  try {
    work();
  } catch (const std::exception& exception) {
    failed(exception.what());
  }
}

void Session::failed(std::string_view what) {
  try {
    sessions_.recorder_.failed(what, sessions_.clock_.now());
    const auto owes_decision = state_ == State::deciding || state_ == State::holding;
    if (!owes_decision) {
      close(CloseReason::error);
    } else if (send_reply("DUNNO")) {
      state_ = State::ready;
    }
  } catch (const std::exception&) {
    close(CloseReason::error);
  }
}

void Session::work() {
  if (working_) return;
  working_ = true;
  while (state_ == State::ready) {
    guarded([this] { take_next(); });
  }
  working_ = false;
}

void Session::take_next() {
  switch (parser_.next(inquiry_.request)) {
    case RequestParser::Outcome::request:
      ask();
      return;
    case RequestParser::Outcome::need_more:
      if (draining_ && !parser_.has_unread() && !bytes_wait_in_kernel()) {
        close(CloseReason::drain);
        return;
      }
      // Postfix sends a request above 4096 bytes in two parts, and the second waits for the ACK of the first: 44 ms
      // unless it is sent at once. The kernel forgets the option, so it is set each time.
      if (entrance_.is_tcp && parser_.has_unread()) set_tcp_option(socket_.native_handle(), TCP_QUICKACK);
      receive();
      return;
    case RequestParser::Outcome::malformed:
      sessions_.recorder_.malformed(peer_name(), parser_.reason(), sessions_.clock_.now());
      close(CloseReason::malformed);
      return;
  }
}

void Session::receive() {
  state_ = State::receiving;
  const auto room = parser_.prepare();
  socket_.async_read_some(
      asio::buffer(room.data(), room.size()),
      [self = shared_from_this()](const error_code& error, std::size_t size) { self->received(error, size); });
}

void Session::received(const error_code& error, std::size_t size) {
  if (state_ == State::closed) return;
  if (error) {
    close(error == asio::error::eof || error == asio::error::connection_reset ? CloseReason::peer : CloseReason::error);
    return;
  }
  parser_.commit(size);
  state_ = State::ready;
  work();
}

bool Session::bytes_wait_in_kernel() const {
  char byte;
  return ::recv(const_cast<Socket&>(socket_).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Session::ask() {
  const auto now = sessions_.clock_.now();
  last_used_ = now;
  sessions_.used(*this);
  held_ = {};
  state_ = State::deciding;
  sessions_.pipeline_.ask(inquiry_, now, sessions_.options_.answer_within,
                          [this](policy::Decision decision) { decided(std::move(decision)); });
  if (state_ == State::deciding) kept_ = shared_from_this();
}

void Session::decided(policy::Decision decision) {
  const auto self = std::move(kept_);
  if (state_ == State::closed) return;
  guarded([&] {
    if (decision.hold) {
      hold(decision.hold->length);
    } else {
      answer(decision);
    }
  });
  work();
}

void Session::hold(Duration length) {
  state_ = State::holding;
  if (!hold_timer_) hold_timer_.emplace(socket_.get_executor());
  held_ += length;
  hold_timer_->expires_after(length);
  hold_timer_->async_wait([self = shared_from_this()](const error_code& error) {
    if (error || self->state_ != State::holding) return;
    self->guarded([&] { self->decided(self->sessions_.pipeline_.resume(self->inquiry_, self->held_)); });
    self->work();
  });
}

// The reply leaves first; what is logged and counted of it comes after.
void Session::answer(const policy::Decision& decision) {
  if (send_reply(decision.action)) state_ = State::ready;
  sessions_.recorder_.decided(inquiry_.request, decision, sessions_.clock_.now() - last_used_);
}

// True when all of it is gone, or the connection is.
bool Session::send_reply(std::string_view action) {
  reply_.clear();
  fmt::format_to(std::back_inserter(reply_), "action={}\n\n", action);
  state_ = State::sending;
  error_code error;
  const auto sent = socket_.send(asio::buffer(reply_), 0, error);
  if (error && error != asio::error::would_block) {
    close(CloseReason::peer);
    return false;
  }
  if (sent == reply_.size()) return true;
  asio::async_write(socket_, asio::buffer(reply_) + sent,
                    [self = shared_from_this()](const error_code& failure, std::size_t) { self->reply_sent(failure); });
  return false;
}

void Session::reply_sent(const error_code& error) {
  if (state_ != State::sending) return;
  if (error) {
    close(CloseReason::peer);
    return;
  }
  state_ = State::ready;
  work();
}

void Session::drain() {
  draining_ = true;
  if (state_ == State::receiving && !parser_.has_unread() && !bytes_wait_in_kernel()) close(CloseReason::drain);
}

void Session::close(CloseReason reason) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  if (hold_timer_) hold_timer_->cancel();
  error_code ignored;
  socket_.close(ignored);
  sessions_.closed(*this, reason);
}

std::string Session::peer_name() const {
  if (!entrance_.is_tcp) return fmt::format("pid {} at {}", entrance_.peer_pid, entrance_.listener);
  error_code error;
  const auto endpoint = socket_.remote_endpoint(error);
  if (error) return "unknown";
  asio::ip::tcp::endpoint peer;
  if (endpoint.size() > peer.capacity()) return "unknown";
  std::memcpy(peer.data(), endpoint.data(), endpoint.size());
  peer.resize(endpoint.size());
  return fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

}  // namespace mxwarden::server
