#pragma once
// Things that are needed for a while and then again: what one has grown to, its texts and vectors, serves the next. As
// many as were ever needed at once are kept, each at its place.

#include <memory>
#include <vector>

namespace mxwarden::store {

template <class Thing>
class Pool {
 public:
  // As it was given back, or new.
  Thing& take() {
    if (unused_.empty()) {
      all_.push_back(std::make_unique<Thing>());
      unused_.reserve(all_.size());  // so that give_back() needs no memory
      return *all_.back();
    }
    auto& thing = *unused_.back();
    unused_.pop_back();
    return thing;
  }

  void give_back(Thing& thing) { unused_.push_back(&thing); }

 private:
  std::vector<std::unique_ptr<Thing>> all_;
  std::vector<Thing*> unused_;
};

}  // namespace mxwarden::store
