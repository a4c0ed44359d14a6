#include "store/record_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

namespace mxwarden::store {
namespace {

constexpr int application_id = 0x6d787764;  // "mxwd", in the header of the file
constexpr int longest_wait_ms = 1000;       // for another program
constexpr int most_set_aside = 100;

// Step n makes schema n + 1 of schema n. Steps are only ever added: files of every release are out there.
constexpr std::array schema_steps{
    "CREATE TABLE record (kind TEXT NOT NULL, net TEXT NOT NULL, until INTEGER NOT NULL, data TEXT NOT NULL,"
    "                     PRIMARY KEY (kind, net)) WITHOUT ROWID;"
    "CREATE INDEX record_until ON record (until);",
};
constexpr int our_schema = static_cast<int>(schema_steps.size());

std::string reason_of(int error) {
  return std::generic_category().message(error);
}

class Lock {
 public:
  Lock() = default;
  explicit Lock(int descriptor) : descriptor_(descriptor) {}
  Lock(Lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Lock& operator=(Lock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  static Result<Lock> take(const std::string& directory) {
    const auto path = directory + "/records.lock";
    Lock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    if (lock.descriptor_ < 0) {
      return Error{
          fmt::format("{} cannot be opened ({}): [store] path must be a directory in which mxwardend may write", path,
                      reason_of(errno))};
    }
    if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno == EWOULDBLOCK) {
      return Error{
          fmt::format("{} is in use by another mxwardend: end it, or give each a [store] path of its own", directory)};
    }
    return Error{fmt::format("{} cannot be locked ({}): [store] path must be on a file system that knows flock", path,
                             reason_of(errno))};
  }

 private:
  int descriptor_ = -1;
};

struct Close {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

void bind_text(sqlite3_stmt* statement, int at, std::string_view text) {
  sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

std::string_view column(sqlite3_stmt* statement, int at) {
  const auto* text = sqlite3_column_text(statement, at);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(sqlite3_column_bytes(statement, at))};
}

}  // namespace

struct RecordFile::State {
  State(std::string in_directory, Lock held)
      : directory(std::move(in_directory)), name(directory + "/records.sqlite"), lock(std::move(held)) {}

  Error fail(int code);
  Error damaged_by(std::string_view what);
  Result<void> execute(const char* sql);
  Result<int> ask_number(const char* sql);
  Result<void> prepare(Statement& statement, const char* sql);
  Result<void> step(Statement& statement);

  bool is_open() const { return erase_over != nullptr; }
  // SQLite would go on writing to a file that no longer has the name.
  bool has_moved() const {
    int moved = 0;
    return sqlite3_file_control(database.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
  }
  void close();
  Result<void> open();
  Result<void> check_owner();
  Result<void> check_pages();
  Result<void> upgrade(int schema);
  Result<void> load(WallTime now, Opened& opened);
  Result<void> begin_anew();
  Result<Written> write_all(std::span<const Change> changes, std::optional<WallTime> over);

  std::string directory;
  std::string name;
  Lock lock;
  std::unique_ptr<sqlite3, Close> database;
  Statement put;
  Statement erase;
  Statement erase_over;
  int schema = 0;
  std::string damage;              // what was found to be wrong with the file
  std::optional<Error> set_aside;  // and what became of it
};

// What SQLite says, as a sentence.
Error RecordFile::State::fail(int code) {
  const int cause = database ? sqlite3_system_errno(database.get()) : 0;
  const std::string said = database ? sqlite3_errmsg(database.get()) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged_by(said);
    case SQLITE_FULL:
      return Error{fmt::format("the disk is full: free some space in {}", directory)};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Error{fmt::format("{} may not be written: give it, and {}, to the user of mxwardend", name, directory)};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error{fmt::format("another program has locked {}: end it; it may be an sqlite3 shell", name)};
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      if (cause == ENOSPC || cause == EDQUOT) {
        return Error{fmt::format("the disk is full: free some space in {}", directory)};
      }
      return Error{fmt::format("{} cannot be read or written ({}): see whether {} is in order, and may be written",
                               name, cause != 0 ? reason_of(cause) : said, directory)};
    default:
      return Error{fmt::format("{} is of no use ({}): move it away, and a new one is begun", name, said)};
  }
}

Error RecordFile::State::damaged_by(std::string_view what) {
  damage = fmt::format("{} is damaged ({})", name, what);
  return Error{damage + ": restart mxwardend, which sets it aside and begins a new one"};
}

Result<void> RecordFile::State::execute(const char* sql) {
  const int code = sqlite3_exec(database.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(code);
  return {};
}

Result<int> RecordFile::State::ask_number(const char* sql) {
  Statement statement;
  if (const auto prepared = prepare(statement, sql); !prepared) return prepared.error();
  const int code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW) return fail(code);
  return sqlite3_column_int(statement.get(), 0);
}

Result<void> RecordFile::State::prepare(Statement& statement, const char* sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(database.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  statement.reset(prepared);
  if (code != SQLITE_OK) return fail(code);
  return {};
}

// Of a statement that gives no rows; ready for the next.
Result<void> RecordFile::State::step(Statement& statement) {
  const int code = sqlite3_step(statement.get());
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement.get());
    return {};
  }
  auto error = fail(code);
  sqlite3_reset(statement.get());
  return error;
}

void RecordFile::State::close() {
  put.reset();
  erase.reset();
  erase_over.reset();
  database.reset();
}

Result<void> RecordFile::State::open() {
  close();
  // Not for everybody's eyes: it holds logins.
  const int descriptor = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (descriptor < 0) {
    return Error{fmt::format("{} cannot be opened ({}): give it, and {}, to the user of mxwardend", name,
                             reason_of(errno), directory)};
  }
  ::close(descriptor);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database.reset(opened);
  if (code != SQLITE_OK) return fail(code);
  sqlite3_extended_result_codes(database.get(), 1);
  sqlite3_busy_timeout(database.get(), longest_wait_ms);
  if (auto done = execute("PRAGMA cell_size_check=ON"); !done) return done;
  if (auto done = check_owner(); !done) return done;
  if (auto done = check_pages(); !done) return done;
  if (auto done = execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"); !done) return done;
  for (int next = schema; next < our_schema; ++next) {
    if (auto done = upgrade(next); !done) return done;
  }
  if (auto done = prepare(put,
                          "INSERT INTO record (kind, net, until, data) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO "
                          "UPDATE SET until = excluded.until, data = excluded.data");
      !done)
    return done;
  if (auto done = prepare(erase, "DELETE FROM record WHERE kind = ?1 AND net = ?2"); !done) return done;
  return prepare(erase_over,
                 "DELETE FROM record WHERE (kind, net) IN (SELECT kind, net FROM record WHERE until <= ?1 LIMIT ?2)");
}

Result<void> RecordFile::State::check_owner() {
  const auto owner = ask_number("PRAGMA application_id");
  if (!owner) return owner.error();
  const auto version = ask_number("PRAGMA user_version");
  if (!version) return version.error();
  const auto tables = ask_number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  if (*owner != application_id && (*owner != 0 || *tables != 0)) {
    return Error{fmt::format("{} is of another program: move it away, or set another [store] path", name)};
  }
  if (*version > our_schema) {
    return Error{fmt::format(
        "{} is of a later mxwardend (schema {}, this one knows {}): run that one again, or move the file away", name,
        *version, our_schema)};
  }
  schema = *version;
  return {};
}

Result<void> RecordFile::State::check_pages() {
  Statement statement;
  if (auto prepared = prepare(statement, "PRAGMA quick_check(1)"); !prepared) return prepared;
  const int code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW) return fail(code);
  const auto found = column(statement.get(), 0);
  if (found != "ok") return damaged_by(found.substr(0, 200));
  return {};
}

Result<void> RecordFile::State::upgrade(int from) {
  const auto sql = fmt::format("BEGIN IMMEDIATE; {} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT",
                               schema_steps.at(static_cast<std::size_t>(from)), application_id, from + 1);
  return execute(sql.c_str());
}

Result<void> RecordFile::State::load(WallTime now, Opened& opened) {
  Statement statement;
  // By the table, not by the index (`+`): nearly all rows are wanted.
  if (auto prepared = prepare(statement, "SELECT kind, net, data FROM record WHERE +until > ?1"); !prepared) {
    return prepared;
  }
  sqlite3_bind_int64(statement.get(), 1, milliseconds_since_1970(now));
  opened.records.clear();
  opened.unreadable = 0;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    auto record = parse_record(column(statement.get(), 2));
    if (record && to_string(record->kind()) == column(statement.get(), 0) &&
        record->net.to_string() == column(statement.get(), 1)) {
      opened.records.push_back(std::make_shared<const Record>(std::move(*record)));
    } else {
      ++opened.unreadable;
    }
  }
  if (code != SQLITE_DONE) return fail(code);
  return {};
}

// Nothing of the damaged file is changed.
Result<void> RecordFile::State::begin_anew() {
  if (database) sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  close();
  for (int number = 1; number <= most_set_aside; ++number) {
    const auto aside = fmt::format("{}.damaged-{}", name, number);
    if (::access(aside.c_str(), F_OK) == 0) continue;
    if (std::rename(name.c_str(), aside.c_str()) != 0) {
      return Error{fmt::format("{} is damaged and cannot be renamed ({}): move it away", name, reason_of(errno))};
    }
    for (const auto* part : {"-wal", "-shm"}) {
      if (std::rename((name + part).c_str(), (aside + part).c_str()) != 0 && errno != ENOENT) {
        return Error{fmt::format("{}{} cannot be renamed ({}): move it away", name, part, reason_of(errno))};
      }
    }
    set_aside = Error{fmt::format("{}: it is {} now, and a new one is begun", std::exchange(damage, {}), aside)};
    return open();
  }
  return Error{fmt::format("{} is damaged, as were {} before it: see to the disk, and remove {}.damaged-*", name,
                           most_set_aside, name)};
}

Result<RecordFile::Written> RecordFile::State::write_all(std::span<const Change> changes,
                                                         std::optional<WallTime> over) {
  if (const auto done = execute("BEGIN IMMEDIATE"); !done) return done.error();
  for (const auto& change : changes) {
    auto& statement = change.record ? put : erase;
    bind_text(statement.get(), 1, to_string(change.kind));
    bind_text(statement.get(), 2, change.net.to_string());
    if (change.record) {
      sqlite3_bind_int64(statement.get(), 3, milliseconds_since_1970(change.record->until));
      bind_text(statement.get(), 4, to_text(*change.record));
    }
    if (const auto done = step(statement); !done) return done.error();
  }
  Written written;
  if (over) {
    sqlite3_bind_int64(erase_over.get(), 1, milliseconds_since_1970(*over));
    sqlite3_bind_int64(erase_over.get(), 2, most_over);
    if (const auto done = step(erase_over); !done) return done.error();
    written.over_removed = static_cast<std::size_t>(sqlite3_changes(database.get()));
  }
  if (const auto done = execute("COMMIT"); !done) return done.error();
  return written;
}

RecordFile::RecordFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
RecordFile::RecordFile(RecordFile&&) noexcept = default;
RecordFile& RecordFile::operator=(RecordFile&&) noexcept = default;
RecordFile::~RecordFile() = default;

Result<RecordFile::Opened> RecordFile::open(const std::string& directory, WallTime now) {
  auto lock = Lock::take(directory);
  if (!lock) return lock.error();
  Opened opened{.file = RecordFile(std::make_unique<State>(directory, std::move(*lock))),
                .records = {},
                .unreadable = 0,
                .file_name = {},
                .set_aside = {}};
  auto& state = *opened.file.state_;
  opened.file_name = state.name;
  const auto open_and_load = [&] {
    auto done = state.open();
    return done ? state.load(now, opened) : done;
  };
  auto done = open_and_load();
  if (!done && !state.damage.empty()) {
    done = state.begin_anew();
    if (done) done = state.load(now, opened);
    opened.set_aside = std::exchange(state.set_aside, std::nullopt);
  }
  if (!done) return done.error();
  return opened;
}

Result<RecordFile::Written> RecordFile::write(std::span<const Change> changes, std::optional<WallTime> over) {
  auto& state = *state_;
  state.damage.clear();
  if (state.is_open() && state.has_moved()) {
    state.set_aside = Error{fmt::format("{} was moved away or removed: a new one is begun", state.name)};
    state.close();
  }
  const auto write_all = [&]() -> Result<Written> {
    // It could not be begun anew, last time, or was moved.
    if (!state.is_open()) {
      if (const auto done = state.open(); !done) return done.error();
    }
    return state.write_all(changes, over);
  };
  auto written = write_all();
  if (!written && !state.damage.empty()) {
    if (const auto done = state.begin_anew(); !done) return done.error();
    written = write_all();
  }
  if (written) {
    written->set_aside = std::exchange(state.set_aside, std::nullopt);
  } else if (state.is_open() && sqlite3_get_autocommit(state.database.get()) == 0) {
    (void)state.execute("ROLLBACK");
  }
  return written;
}

}  // namespace mxwarden::store
