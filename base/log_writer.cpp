#include "base/log_writer.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace mxwarden::log {
namespace {

constexpr auto a_rest = std::chrono::milliseconds(5);
constexpr std::size_t taken_at_once = 64;

}  // namespace

Writer::Writer(std::unique_ptr<Target> target, std::size_t most)
    : target_(std::move(target)), lines_(most), thread_([this] { run(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Writer::hand_over(Level level, std::string_view text) {
  const auto now = SystemClock().wall_now();
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (next_ - oldest_ == lines_.size()) {
      ++oldest_;
      ++lost_;
    }
    auto& line = lines_[next_ % lines_.size()];
    line.text.assign(text);  // throws, if anything does
    line.level = level;
    line.time = now;
    ++next_;
    wake = std::exchange(waits_, false);
  }
  if (wake) changed_.notify_one();
}

void Writer::run() {
  std::vector<Line> taken(taken_at_once);
  std::unique_lock lock(mutex_);
  while (true) {
    while (oldest_ == next_) {
      if (ends_) return;
      waits_ = true;
      changed_.wait(lock);
    }
    const auto lost = std::exchange(lost_, 0);
    const auto count = take(taken);
    const bool all = oldest_ == next_;
    lock.unlock();
    write(taken, count, lost);
    if (all) target_->flush();
    lock.lock();
    if (oldest_ == next_) changed_.wait_for(lock, a_rest, [this] { return ends_; });
  }
}

// Lines change places, and so none of them costs memory anew.
std::size_t Writer::take(std::vector<Line>& lines) {
  std::size_t count = 0;
  for (; count < lines.size() && oldest_ != next_; ++oldest_)
    std::swap(lines[count++], lines_[oldest_ % lines_.size()]);
  return count;
}

void Writer::write(const std::vector<Line>& lines, std::size_t count, std::size_t lost) {
  if (lost > 0) {
    target_->write(
        {Level::warn, lines.front().time, fmt::format("log: {} lines were lost, the target did not keep up", lost)});
  }
  for (std::size_t at = 0; at < count; ++at) target_->write(lines[at]);
}

}  // namespace mxwarden::log
