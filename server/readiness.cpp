#include "server/readiness.hpp"

#include <boost/system/system_error.hpp>
#include <cerrno>
#include <utility>

namespace mxwarden::server {
namespace {

constexpr std::uint32_t to_read = EPOLLIN | EPOLLRDHUP | EPOLLET;

int make_set() {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) throw boost::system::system_error(errno, boost::system::system_category(), "epoll_create1");
  return set;
}

}  // namespace

Readiness::Readiness(boost::asio::io_context& context, const Clock& clock, std::function<void()> turn_ended)
    : set_(context, make_set()), clock_(clock), turn_ended_(std::move(turn_ended)) {}

bool Readiness::watch(int fd, Watcher& watcher) {
  epoll_event event{.events = to_read, .data = {.ptr = &watcher}};
  if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) return false;
  ++watched_;
  if (!waiting_) wait();
  return true;
}

void Readiness::watch_writes(int fd, Watcher& watcher, bool wanted) {
  epoll_event event{.events = to_read | (wanted ? EPOLLOUT : 0U), .data = {.ptr = &watcher}};
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, fd, &event);
}

void Readiness::forget(int fd, const Watcher& watcher) {
  if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, fd, nullptr) != 0) return;
  if (--watched_ == 0) set_.cancel();
  for (auto at = told_; at < filled_; ++at) {
    if (events_[at].data.ptr == &watcher) events_[at].data.ptr = nullptr;
  }
}

void Readiness::wait() {
  waiting_ = true;
  set_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    waiting_ = false;
    if (!error) tell();
    if (watched_ > 0 && !waiting_) wait();
  });
}

void Readiness::tell() {
  const int filled = ::epoll_wait(set_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
  filled_ = static_cast<std::size_t>(filled < 0 ? 0 : filled);
  turn_ = clock_.now();
  for (told_ = 0; told_ < filled_;) {
    const auto event = events_[told_++];
    auto* watcher = static_cast<Watcher*>(event.data.ptr);
    if (watcher != nullptr) watcher->ready((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
  }
  filled_ = 0;
  turn_ended_();
  turn_.reset();
}

}  // namespace mxwarden::server
