#pragma once
// The store of a single node: counts in bounded memory, nothing on disk. Also what a node counts with while a shared
// store is away.
//
// An entry is one counter of one entity: up to three windows of 16-bit slices (limits up to 65,535), or one window of
// 48-bit slices (limits above, and windows without one); a counter with more takes more entries. About 130 bytes for an
// entry. Distinct counts have sets of their own, a sixteenth as many (store/distinct_table.hpp). All memory but that of
// members is set aside at the start (the kernel hands it out as it is touched), so that no answer ever waits for a
// table to grow.
//
// Flood: while the entries fit max_entries every promise of store.hpp holds. Beyond that an unknown entity's first hit
// only marks a Bloom filter of two generations (it is answered as recorded: count is n), and an entry is made on its
// second; the entry that gives way is, of eight picked at random, an expired one, else the one with the lowest count,
// else the one that would end first. So offenders that come back within a minute stay known while addresses rotate.
//
// Completions are called by flush(), and may call execute. Nothing is allocated once it is warm but for members; when
// there is no memory for those, the batch is answered as if nothing had been counted before.
//
// Threads: one. Time: Batch::now only.

#include <cstdint>
#include <memory>

#include "store/store.hpp"

namespace mxwarden::store {

class EmbeddedStore final : public Store {
 public:
  struct Options {
    std::size_t max_entries = 1'000'000;
    std::uint64_t seed = 0;  // of the hash and of eviction; from the system's random source in a daemon
  };

  struct Statistics {
    std::size_t entries = 0;
    std::uint64_t evicted = 0;      // live entries that gave way
    std::uint64_t turned_away = 0;  // first hits that only marked the filter, as the table was full
  };

  explicit EmbeddedStore(const Options& options);
  ~EmbeddedStore() override;

  void execute(const Batch& batch, Instant deadline, Completion completion) override;
  void flush() override;
  void tick(Instant now) override;
  std::string_view name() const override { return "embedded"; }

  Statistics statistics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::store
