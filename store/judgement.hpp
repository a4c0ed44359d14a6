#pragma once
// From what windows hold to an answer, and from the answers of an entity to what is recorded: the parts of store.hpp's
// promises that do not depend on how a store remembers.

#include <algorithm>
#include <cstdint>

#include "store/store.hpp"

namespace mxwarden::store {

// Puts the windows of one count together, in their order.
class Judgement {
 public:
  // What the next window would hold, and what it admits.
  void admitted(std::uint64_t count, std::uint64_t limit) {
    if (!answer_.over && limit != Window::no_limit && fuller(count, limit)) take(count, limit);
    if (next_ == 0 && limit_ == Window::no_limit) answer_.count = count;
    ++next_;
  }
  // The next window is over its limit for so long.
  void over(std::uint64_t count, std::uint64_t limit, Duration retry_after) {
    if (!answer_.over || retry_after > answer_.retry_after) {
      take(count, limit);
      answer_.over = true;
      answer_.retry_after = retry_after;
    }
    ++next_;
  }
  const CountAnswer& answer() const { return answer_; }

 private:
  bool fuller(std::uint64_t count, std::uint64_t limit) const {
    if (limit_ == Window::no_limit) return true;
    return static_cast<double>(count) * static_cast<double>(limit_) >
           static_cast<double>(answer_.count) * static_cast<double>(limit);
  }
  void take(std::uint64_t count, std::uint64_t limit) {
    answer_.count = count;
    answer_.window = next_;
    limit_ = limit;
  }

  CountAnswer answer_;
  std::uint64_t limit_ = Window::no_limit;  // of the answer's window
  std::uint32_t next_ = 0;
};

// Of a gauge, of which all nodes together hold `sum`.
inline CountAnswer gauge_answer(const Count& count, std::uint64_t sum) {
  const auto limit = count.windows.front().limit;
  CountAnswer answer;
  answer.count = sum;
  answer.over = limit != Window::no_limit && sum > limit;
  return answer;
}

// What the counts of one entity let each other record.
class Gate {
 public:
  void judged(const Count& count, const CountAnswer& answer) {
    if (answer.over && count.binding) closed_from_ = std::min(closed_from_, static_cast<unsigned>(count.grain));
  }
  // Ask when all counts of the entity were judged.
  bool records(const Count& count, const CountAnswer& answer) const {
    if (count.gauge) return true;
    if (count.n == 0) return false;
    if (unlimited(count)) return true;
    return !answer.over && static_cast<unsigned>(count.grain) < closed_from_;
  }
  // Always recorded.
  static bool unlimited(const Count& count) {
    return std::all_of(count.windows.begin(), count.windows.end(),
                       [](const Window& window) { return window.limit == Window::no_limit; });
  }

 private:
  unsigned closed_from_ = ~0U;  // the coarsest grain that a binding count refused, and everything finer
};

}  // namespace mxwarden::store
