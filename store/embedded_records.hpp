#pragma once
// The records of a node by itself: in memory, and in a file (store/record_file.hpp) that outlives the process. A helper
// thread writes, so that no request waits for the disk: what changes meanwhile goes into its next transaction.
//
// What is in the book is the truth. Where the file cannot be opened, or a write fails, the daemon goes on: the changes
// are in force, `done` says that they are not kept, one warning says why, and what was not kept is tried again every
// three seconds until it is. Then it is kept as it is by then. After a file that could not be opened nothing is tried
// again: that takes a restart.
//
// Bounded: 100,000 changes wait to be written, or are known not to have been. Of more only the book is left, which is
// then written whole when that is possible again; an erasure among them is forgotten, and its record is back after a
// restart unless it is over.
//
// Threads: all calls, and all calls of `done`, on one, that of the requests. Lifetime: stop() before the end, so that
// every `done` is called; the destructor writes what waits, and calls none. The clock must outlive it.

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "store/record_file.hpp"
#include "store/records.hpp"

namespace mxwarden::store {

class EmbeddedRecords final : public Records {
 public:
  // Has the function called soon, on the thread of the requests; is called from the helper thread. What it has not
  // called when this object ends may be called or dropped later.
  using Post = std::function<void(std::function<void()>)>;

  // Without a file:
  explicit EmbeddedRecords(const Clock& clock);
  // In records.sqlite of this directory; reads it, and says in the log what is wrong with it.
  EmbeddedRecords(const Clock& clock, const std::string& directory, Post post);
  ~EmbeddedRecords() override;

  // Writes what waits, and lets go of the file. What is put later is not kept.
  void stop();

  void update(RecordKind kind, const Prefix& net, Change change, Updated done) override;
  void erase(RecordKind kind, const Prefix& net, Erased done) override;
  void tick() override;
  const RecordBook& book() const override { return book_; }
  RecordBook& book() override { return book_; }
  bool current() const override { return true; }

 private:
  class Writer;

  struct Waiting {
    RecordFile::Change change;
    Done done;
  };
  using Place = std::pair<RecordKind, Prefix>;

  bool is_kept(RecordKind kind, const Prefix& net) const;
  void change(RecordFile::Change change, Done done);
  void refuse(const RecordFile::Change& change, const Done& done) const;
  void remember_unwritten(const RecordFile::Change& change);
  std::vector<RecordFile::Change> next_unwritten();
  void write_next();
  void collect();
  void settle(const Result<RecordFile::Written>& written);
  void failed(const Error& error, std::vector<Waiting> unwritten);
  void succeeded(const RecordFile::Written& written);
  void forget_what_is_unwritten();

  const Clock& clock_;
  RecordBook book_;

  std::optional<Error> not_kept_;  // why changes are not kept at present
  std::deque<Waiting> waiting_;
  std::vector<Waiting> under_way_;  // the writer is at it
  std::set<Place> unwritten_;       // where the file differs from the book, or may
  bool book_unwritten_ = false;     // it may differ anywhere
  std::size_t book_kind_ = 0;       // until then the book has been written again,
  std::optional<Prefix> book_net_;  // in this kind until there
  Instant try_again_at_{};
  Instant next_sweep_{};
  bool sweeps_ = false;  // what is under way removes what is over
  bool stopping_ = false;
  log::RepeatedWarning warning_;

  std::shared_ptr<char> alive_ = std::make_shared<char>();  // for what was posted
  std::unique_ptr<Writer> writer_;                          // null: there is no file
};

}  // namespace mxwarden::store
