#include "server/session.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "server/sessions.hpp"

namespace mxwarden::server {
namespace {

using boost::system::error_code;

// So that one who sends without end does not keep the others from their turn.
constexpr int most_receives_a_turn = 16;

// glibc's recv() and send() are cancellation points: in a process with a second thread, as the log's is, they cost four
// locked instructions, together a twentieth of what a decision costs.
ssize_t receive_now(int fd, std::span<char> room) {
  return ::syscall(SYS_recvfrom, fd, room.data(), room.size(), 0, nullptr, nullptr);
}

ssize_t send_now(int fd, std::string_view text) {
  return ::syscall(SYS_sendto, fd, text.data(), text.size(), MSG_NOSIGNAL, nullptr, 0);
}

void set_tcp_option(int fd, int option) {
  const int on = 1;
  // Costs time if it fails, never correctness.
  (void)::setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on);
}

}  // namespace

Session::Session(FileDescriptor socket, const Entrance& entrance, std::uint64_t id, Instant now, Sessions& sessions)
    : socket_(std::move(socket)), sessions_(sessions), entrance_(entrance), last_used_(now) {
  inquiry_.request.listener = entrance_.listener;
  inquiry_.request.policy_connection = id;
  inquiry_.request.peer_pid = entrance_.peer_pid;
}

void Session::start() {
  if (entrance_.is_tcp) set_tcp_option(socket_.get(), TCP_NODELAY);
  if (!sessions_.readiness_.watch(socket_.get(), *this)) close(CloseReason::error);
}

void Session::ready(bool peer_ended) {
  unread_in_kernel_ = true;
  receives_left_ = most_receives_a_turn;
  peer_ended_ = peer_ended_ || peer_ended;
  if (state_ == State::waiting) {
    state_ = State::ready;
    guarded([this] { receive(); });
  } else if (state_ == State::holding && peer_ended_) {
    cut_hold_short();
  } else if (state_ == State::sending && watching_writes_ && send_rest()) {
    state_ = State::ready;
  }
  if (state_ == State::ready) sessions_.work_in_turn(*this);
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
    if (state_ == State::sending) return;  // what was decided stands
    if (state_ == State::holding) end_hold();
    if (state_ != State::deciding) {
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
      if (entrance_.is_tcp && parser_.has_unread()) set_tcp_option(socket_.get(), TCP_QUICKACK);
      receive();
      return;
    case RequestParser::Outcome::malformed:
      sessions_.recorder_.malformed(peer_name(), parser_.reason(), sessions_.clock_.now());
      close(CloseReason::malformed);
      return;
  }
}

void Session::receive() {
  if (!unread_in_kernel_) {
    state_ = State::waiting;
    return;
  }
  if (receives_left_-- <= 0) {
    state_ = State::waiting;
    sessions_.readiness_.watch_writes(socket_.get(), *this, false);  // tells again what can be read
    return;
  }
  const auto room = parser_.prepare();
  const auto size = receive_now(socket_.get(), room);
  if (size > 0) {
    parser_.commit(static_cast<std::size_t>(size));
    unread_in_kernel_ = peer_ended_ || static_cast<std::size_t>(size) == room.size();
  } else if (size == 0) {
    close(CloseReason::peer);
  } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
    unread_in_kernel_ = false;
  } else if (errno != EINTR) {
    close(errno == ECONNRESET ? CloseReason::peer : CloseReason::error);
  }
}

bool Session::bytes_wait_in_kernel() const {
  char byte;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Session::ask() {
  const auto now = sessions_.readiness_.now();
  last_used_ = now;
  sessions_.used(*this);
  held_ = {};
  state_ = State::deciding;
  awaited_ = true;
  sessions_.pipeline_.ask(inquiry_, now, sessions_.options_.answer_within, [this](const policy::Decision& decision) {
    awaited_ = false;
    if (state_ == State::closed) return sessions_.bury_later();
    decided(decision);
  });
}

void Session::decided(const policy::Decision& decision) {
  guarded([&] {
    if (decision.hold) {
      hold(decision.hold->length);
    } else {
      answer(decision);
    }
  });
  // Whose reply leaves may have the next request: this one is not looked at any more.
  sessions_.send_some_replies();
  work();
}

void Session::hold(Duration length) {
  if (draining_ || peer_ended_ || !sessions_.may_hold()) return answer(sessions_.pipeline_.cut_short(inquiry_));
  state_ = State::holding;
  ++sessions_.held_;
  if (!hold_timer_) hold_timer_.emplace(sessions_.context_);
  held_ += length;
  hold_timer_->expires_after(length);
  hold_timer_->async_wait([self = shared_from_this()](const error_code& error) {
    if (error || self->state_ != State::holding) return;
    self->receives_left_ = most_receives_a_turn;
    self->end_hold();
    self->guarded([&] { self->decided(self->sessions_.pipeline_.resume(self->inquiry_, self->held_)); });
    self->work();
    self->sessions_.pipeline_.flush();
  });
}

void Session::end_hold() {
  state_ = State::deciding;
  --sessions_.held_;
}

// Nobody hears the answer, or nobody can wait for it any more.
void Session::cut_hold_short() {
  end_hold();
  hold_timer_->cancel();
  guarded([this] { answer(sessions_.pipeline_.cut_short(inquiry_)); });
}

void Session::answer(const policy::Decision& decision) {
  if (!decision.failure.empty()) return failed(decision.failure);
  prepare_reply(decision.action);
  sessions_.gather_reply(*this);
  sessions_.recorder_.decided(inquiry_.request, decision, sessions_.clock_.now() - last_used_);
  sessions_.recorder_.rank(inquiry_.request, inquiry_.view, decision, last_used_);
}

void Session::prepare_reply(std::string_view action) {
  reply_.assign("action=").append(action).append("\n\n");
  sent_ = 0;
  state_ = State::sending;
}

void Session::send_gathered_reply() {
  if (state_ != State::sending) return;
  if (send_rest()) state_ = State::ready;
  work();
}

// True when all of it is gone; else it will be, or the connection is.
bool Session::send_reply(std::string_view action) {
  prepare_reply(action);
  return send_rest();
}

bool Session::send_rest() {
  const auto sent = send_now(socket_.get(), std::string_view(reply_).substr(sent_));
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    close(CloseReason::peer);
    return false;
  }
  sent_ += sent > 0 ? static_cast<std::size_t>(sent) : 0;
  const bool all = sent_ == reply_.size();
  if (all == watching_writes_) {
    watching_writes_ = !all;
    sessions_.readiness_.watch_writes(socket_.get(), *this, watching_writes_);
  }
  return all;
}

void Session::drain() {
  draining_ = true;
  if (state_ == State::holding) {
    cut_hold_short();
    work();
    return;
  }
  if (state_ == State::waiting && !parser_.has_unread() && !bytes_wait_in_kernel()) close(CloseReason::drain);
}

void Session::close(CloseReason reason) {
  if (state_ == State::closed) return;
  if (state_ == State::holding) end_hold();
  state_ = State::closed;
  if (hold_timer_) hold_timer_->cancel();
  sessions_.readiness_.forget(socket_.get(), *this);
  socket_.close();
  if (reason == CloseReason::peer) sessions_.pipeline_.closed(inquiry_);
  sessions_.closed(*this, reason);
}

std::string Session::peer_name() const {
  if (!entrance_.is_tcp) return fmt::format("pid {} at {}", entrance_.peer_pid, entrance_.listener);
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  auto* address = reinterpret_cast<sockaddr*>(&peer);
  if (::getpeername(socket_.get(), address, &size) != 0 ||
      ::getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown";
  }
  return fmt::format("{}:{}", host.data(), port.data());
}

}  // namespace mxwarden::server
