#pragma once
// The records on disk: an SQLite file, records.sqlite in the directory of [store] path. One row a record: its kind, net
// and end for the sqlite3 shell and for looking, and the text of store/record.hpp, which alone is read back.
//
// What write() returned well from survives the end of the process, also kill -9. Not all of it survives a power failure
// or a crash of the kernel: the last seconds may be missing (WAL with synchronous=NORMAL), the rest is whole.
//
// One process owns the directory, by a lock (flock) on records.lock in it. An sqlite3 shell may read beside it at any
// time; while one writes, a write here waits a second at most and then fails. While one reads, the -wal file grows with
// each write.
//
// A file that is damaged, as is seen when it is opened or where a write meets it, is renamed to
// records.sqlite.damaged-1 (-2, ...), with its -wal and -shm, and a new one begun. So it is when somebody has moved it.
// One of a later release or of another program is never touched. A row that cannot be read, of a later release or a
// hand, stays as it is until its end, or until a record of the same kind and net is written.
//
// Errors name the file and what to do about it. Calls wait for the disk; a transaction of 1,000 changes takes about
// 20 ms, the reading of 100,000 rows 0.3 s. Threads: one at a time. Memory: SQLite's cache, 2 MB.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/record.hpp"

namespace mxwarden::store {

class RecordFile {
 public:
  struct Change {
    RecordKind kind;
    Prefix net;
    std::shared_ptr<const Record> record;  // null: there is none any more
  };
  struct Opened;
  struct Written {
    std::size_t over_removed = 0;
    // The file was found to be damaged, or gone: what was wrong with it, and where it is now. The new one holds these
    // changes and nothing else.
    std::optional<Error> set_aside;
  };

  // Begins a file where there is none; the directory must be there.
  static Result<Opened> open(const std::string& directory, WallTime now);

  RecordFile(RecordFile&&) noexcept;
  RecordFile& operator=(RecordFile&&) noexcept;
  ~RecordFile();

  // All of it or nothing, in this order. With `over`, also most_over at most of those that are over then leave.
  Result<Written> write(std::span<const Change> changes, std::optional<WallTime> over);

  static constexpr std::size_t most_over = 1000;

 private:
  struct State;
  explicit RecordFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct RecordFile::Opened {
  RecordFile file;
  std::vector<std::shared_ptr<const Record>> records;  // in force at `now`
  std::size_t unreadable = 0;                          // rows
  std::string file_name;                               // for what is said about them
  std::optional<Error> set_aside;  // there was a damaged file: what was wrong with it, and where it is now
};

}  // namespace mxwarden::store
