#include "store/wake_timer.hpp"

#include <utility>

namespace mxwarden::store {

WakeTimer::WakeTimer(boost::asio::io_context& context, std::function<void()> woke)
    : timer_(context), woke_(std::move(woke)) {}

void WakeTimer::set(std::optional<Instant> at) {
  if (at == at_) return;
  at_ = at;
  if (!at_) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(*at_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || !at_) return;
    at_.reset();
    woke_();
  });
}

}  // namespace mxwarden::store
