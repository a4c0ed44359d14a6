#pragma once
// Wakes a machine without I/O when it wants to be woken, which may be put off or taken back at any time.
//
// What it calls must outlive the io_context's last run.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>

#include "base/clock.hpp"

namespace mxwarden::store {

class WakeTimer {
 public:
  // `woke` may come early, when the time was put off while it was on its way.
  WakeTimer(boost::asio::io_context& context, std::function<void()> woke);

  // Nothing: not at all.
  void set(std::optional<Instant> at);

 private:
  boost::asio::steady_timer timer_;
  std::function<void()> woke_;
  std::optional<Instant> at_;
};

}  // namespace mxwarden::store
