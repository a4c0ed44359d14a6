#pragma once
// The records in memory: which of them speak of an address, all of them in their order, and who wants to know of
// changes.
//
// A look-up costs a probe for each length of prefix in use, whatever the number of records. About 500 bytes a record.
// Changes come from whoever owns the book (a Records); what is put here is nowhere else unless it cares for that.
//
// Threads: one. Time: steady, as what a request carries; how far it is from the wall time in which records end is what
// the last tick() said.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "store/record.hpp"

namespace mxwarden::store {

class RecordBook {
 public:
  // Stays as it is whatever happens to the book.
  using Entry = std::shared_ptr<const Record>;

  // `record` null: what was there of this kind and net is gone, by its end or otherwise.
  using Follower = std::function<void(RecordKind kind, const Prefix& net, const Entry& record)>;

  RecordBook(Instant now, WallTime wall_now);
  ~RecordBook();

  // In the place of what was there of its kind and net. One that is over already only removes that.
  void put(Record record, Instant now);
  void put(const Entry& entry, Instant now);
  // False: there was none.
  bool erase(RecordKind kind, const Prefix& net);
  // What is over leaves, at most 1,000 records a call; whatever the call, it is not found any more.
  void tick(Instant now, WallTime wall_now);

  // Of this kind and in force, and `address` is in its net. Of several the one of the longest prefix that is `wanted`;
  // null: none.
  Entry find(
      RecordKind kind, const Address& address, Instant now,
      bool (*wanted)(const Record&) = [](const Record&) { return true; }) const;
  // Of just this net.
  Entry find_net(RecordKind kind, const Prefix& net, Instant now) const;
  // In the order of their nets: those in force behind `after` (none: from the first), `most` at most.
  std::vector<Entry> list(RecordKind kind, const Prefix* after, std::size_t most, Instant now) const;

  std::size_t size(RecordKind kind) const;
  WallTime wall(Instant now) const;

  // Until the returned object is gone, which must be before the book. A follower may follow and stop, not change the
  // book.
  std::shared_ptr<void> follow(Follower follower);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::store
