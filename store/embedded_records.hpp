#pragma once
// The records of a node by itself.
//
// Threads: one.

#include "base/clock.hpp"
#include "store/records.hpp"

namespace mxwarden::store {

class EmbeddedRecords final : public Records {
 public:
  explicit EmbeddedRecords(const Clock& clock) : clock_(clock), book_(clock.now(), clock.wall_now()) {}

  void put(Record record, Done done) override;
  void erase(RecordKind kind, const Prefix& net, Done done) override;
  void tick() override;
  const RecordBook& book() const override { return book_; }
  RecordBook& book() override { return book_; }
  bool current() const override { return true; }

 private:
  const Clock& clock_;
  RecordBook book_;
};

}  // namespace mxwarden::store
