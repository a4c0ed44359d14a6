#pragma once
// Says which of many sockets something has come in on. Policy connections wait here rather than in Asio, which tries
// every read once before it waits: for Postfix, who asks again only when it has its answer, a system call in vain for
// each request, a tenth of what a decision costs. Asio watches the one epoll set.
//
// Edge-triggered: a watcher is told once that bytes have come, and reads until there are none. A read that leaves room
// in its buffer has taken them all (epoll(7)), unless the peer has ended.
//
// One thread. The io_context must outlive it, and has work from it as long as somebody is watched. A watcher may forget
// itself or any other while it is told.

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "server/socket.hpp"

namespace mxwarden::server {

class Readiness {
 public:
  class Watcher {
   public:
    virtual ~Watcher() = default;
    // peer_ended: no more than what is there will come; read on until that is said.
    virtual void ready(bool peer_ended) = 0;
  };

  // `turn_ended` is called when all that were ready have been told; it belongs to the turn.
  Readiness(boost::asio::io_context& context, const Clock& clock, std::function<void()> turn_ended);
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  // False when the kernel will not (memory, the user's limit of watches). `fd` must not block.
  bool watch(int fd, Watcher& watcher);
  // Be told when there is room to write, too; or no longer. Tells again, in a later turn, what can be read.
  void watch_writes(int fd, Watcher& watcher, bool wanted);
  // Before `fd` is closed.
  void forget(int fd, const Watcher& watcher);
  // In a turn: when that began, some hundred microseconds ago, or a few milliseconds when one of them had
  // to read the kernel's table of connections. Now, at any other time.
  Instant now() const { return turn_ ? *turn_ : clock_.now(); }

 private:
  void wait();
  void tell();

  boost::asio::posix::basic_stream_descriptor<Executor> set_;
  const Clock& clock_;
  std::function<void()> turn_ended_;
  std::optional<Instant> turn_;
  std::array<epoll_event, 64> events_{};
  std::size_t watched_ = 0;
  bool waiting_ = false;
  std::size_t told_ = 0;    // of events_
  std::size_t filled_ = 0;  // of events_
};

}  // namespace mxwarden::server
