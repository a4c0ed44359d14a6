#include "store/store.hpp"

namespace mxwarden::store {

Count& Counts::add() {
  if (size_ == all_.size()) {
    all_.emplace_back();
    return all_[size_++];
  }
  Count& count = all_[size_++];
  count.entity.clear();
  count.counter.clear();
  count.windows.clear();
  count.n = 1;
  count.member.clear();
  count.grain = Grain::connection;
  count.binding = true;
  count.gauge = false;
  return count;
}

}  // namespace mxwarden::store
