#pragma once
// Records of a test: in a book and nowhere else, and away when the test says so.

#include <utility>

#include "base/clock.hpp"
#include "store/records.hpp"

namespace mxwarden::tests {

class MemoryRecords : public store::Records {
 public:
  explicit MemoryRecords(const Clock& clock) : clock_(clock), book_(clock.now(), clock.wall_now()) {}

  void update(store::RecordKind kind, const Prefix& net, Change change, Updated done) override {
    const auto now = clock_.now();
    if (auto record = store::ask(change, kind, net, book_.find_net(kind, net, now).get())) {
      book_.put(std::move(*record), now);
    }
    done(book_.find_net(kind, net, now));
  }
  void erase(store::RecordKind kind, const Prefix& net, Erased done) override {
    const bool in_force = book_.find_net(kind, net, clock_.now()) != nullptr;
    book_.erase(kind, net);
    done(in_force);
  }
  void tick() override { book_.tick(clock_.now(), clock_.wall_now()); }
  const store::RecordBook& book() const override { return book_; }
  store::RecordBook& book() override { return book_; }
  bool current() const override { return !away; }

  bool away = false;

 private:
  const Clock& clock_;
  store::RecordBook book_;
};

}  // namespace mxwarden::tests
