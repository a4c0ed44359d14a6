#include "store/record_file.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "support/records_folder.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;
using store::Ban;
using store::Record;
using store::RecordFile;
using store::RecordKind;
using tests::RecordsFolder;

namespace {

constexpr WallTime now{1'763'770'000'000ms};

Prefix net(const std::string& text) {
  return Prefix::parse(text).value();
}

Prefix nth_net(int number) {
  return net("10." + std::to_string(number >> 16) + "." + std::to_string(number >> 8 & 255) + "." +
             std::to_string(number & 255));
}

Record ban(const Prefix& of, const std::string& reason = "why", WallTime until = now + 1h) {
  return {.net = of, .until = until, .what = Ban{.rule = "harvest", .reason = reason}};
}

RecordFile::Change put(const Record& record) {
  return {.kind = record.kind(), .net = record.net, .record = std::make_shared<const Record>(record)};
}

RecordFile::Opened open(const RecordsFolder& folder, WallTime at = now) {
  auto opened = RecordFile::open(folder.path(), at);
  const std::string error = opened ? "" : opened.error().message;
  REQUIRE(error == "");
  return std::move(*opened);
}

// Why it cannot be opened.
std::string refusal(const std::string& directory) {
  const auto opened = RecordFile::open(directory, now);
  return opened ? "" : opened.error().message;
}

void write(RecordFile& file, const std::vector<RecordFile::Change>& changes) {
  const auto written = file.write(changes, std::nullopt);
  const std::string error = written ? "" : written.error().message;
  REQUIRE(error == "");
}

void fill(const RecordsFolder& folder, int number, const std::string& reason = "why") {
  auto opened = open(folder);
  std::vector<RecordFile::Change> changes;
  for (int i = 0; i < number; ++i) changes.push_back(put(ban(nth_net(i), reason)));
  write(opened.file, changes);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// As an sqlite3 shell.
class Shell {
 public:
  explicit Shell(const std::string& file) { REQUIRE(sqlite3_open(file.c_str(), &database_) == SQLITE_OK); }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() { sqlite3_close(database_); }

  void run(const std::string& sql) {
    const auto code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
    const std::string said = sqlite3_errmsg(database_);
    CAPTURE(sql);
    CAPTURE(said);
    REQUIRE(code == SQLITE_OK);
  }
  // The first column of the first row.
  std::string ask(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    std::string answer;
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != nullptr) {
      answer = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    return answer;
  }

 private:
  sqlite3* database_ = nullptr;
};

std::string content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void overwrite(const std::string& file, std::size_t at, const std::string& bytes) {
  std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(at));
  out << bytes;
  REQUIRE(out.good());
}

// The damaged file is found to be one, is kept as it was, and a new one works.
void check_set_aside(const RecordsFolder& folder, const std::string& number) {
  const auto before = content(folder.file());
  {
    auto opened = open(folder);
    REQUIRE(opened.set_aside.has_value());
    CHECK(contains(opened.set_aside->message, folder.file() + " is damaged ("));
    CHECK(contains(opened.set_aside->message, folder.file() + ".damaged-" + number));
    CHECK(opened.records.empty());
    write(opened.file, {put(ban(net("192.0.2.1")))});
  }
  CHECK((content(folder.file() + ".damaged-" + number) == before));
  const auto again = open(folder);
  CHECK_FALSE(again.set_aside.has_value());
  CHECK(again.records.size() == 1);
}

}  // namespace

TEST_CASE("a record is one row that an sqlite3 shell shows, also while it is in use") {
  const RecordsFolder folder;
  auto opened = open(folder);
  CHECK(opened.records.empty());
  CHECK_FALSE(opened.set_aside.has_value());
  const auto record = ban(net("192.0.2.0/24"));
  write(opened.file, {put(record)});
  Shell shell(folder.file());
  CHECK(shell.ask("SELECT kind FROM record") == "ban");
  CHECK(shell.ask("SELECT net FROM record") == "192.0.2.0/24");
  CHECK(shell.ask("SELECT until FROM record") == "1763773600000");
  CHECK(shell.ask("SELECT data FROM record") == to_text(record));
  CHECK(shell.ask("PRAGMA journal_mode") == "wal");
  CHECK(shell.ask("PRAGMA user_version") == "1");
}

TEST_CASE("the file is not for everybody's eyes") {
  const RecordsFolder folder;
  auto opened = open(folder);
  write(opened.file, {put(ban(net("192.0.2.1")))});
  for (const auto* part : {"", "-wal", "-shm"}) {
    CAPTURE(part);
    struct stat status {};
    REQUIRE(::stat((folder.file() + part).c_str(), &status) == 0);
    CHECK((status.st_mode & S_IRWXO) == 0);
  }
}

TEST_CASE("a write is carried out in its order") {
  const RecordsFolder folder;
  {
    auto opened = open(folder);
    const auto of = net("192.0.2.1");
    const RecordFile::Change erased{.kind = RecordKind::ban, .net = of, .record = nullptr};
    write(opened.file, {put(ban(of, "first")), erased, put(ban(of, "second")), put(ban(of, "third"))});
    const auto other = net("192.0.2.2");
    write(opened.file, {put(ban(other)), {.kind = RecordKind::ban, .net = other, .record = nullptr}, erased});
    write(opened.file, {put(ban(of, "last"))});
  }
  const auto opened = open(folder);
  REQUIRE(opened.records.size() == 1);
  CHECK(*opened.records.front() == ban(net("192.0.2.1"), "last"));
}

TEST_CASE("what is over is not read, and leaves a thousand a write") {
  const RecordsFolder folder;
  {
    auto opened = open(folder);
    std::vector<RecordFile::Change> changes;
    for (int i = 0; i < 1500; ++i) changes.push_back(put(ban(nth_net(i), "short", now + 1min)));
    changes.push_back(put(ban(net("192.0.2.1"), "long", now + 1min + 1ms)));
    write(opened.file, changes);
  }
  auto opened = open(folder, now + 1min);
  REQUIRE(opened.records.size() == 1);
  CHECK(opened.records.front()->net == net("192.0.2.1"));
  Shell shell(folder.file());
  for (const auto& [left, removed] : {std::pair("501", 1000), std::pair("1", 500), std::pair("1", 0)}) {
    const auto written = opened.file.write({}, now + 1min);
    REQUIRE(written.has_value());
    CHECK(written->over_removed == static_cast<std::size_t>(removed));
    CHECK(shell.ask("SELECT count(*) FROM record") == left);
  }
}

TEST_CASE("rows that this release cannot read stay as they are, and are counted") {
  const RecordsFolder folder;
  const auto data = to_text(ban(net("192.0.2.1")));
  {
    auto opened = open(folder);
    write(opened.file, {put(ban(net("192.0.2.1")))});
    Shell shell(folder.file());
    const auto row = [&](const std::string& kind, const std::string& of, const std::string& text) {
      shell.run("INSERT INTO record VALUES ('" + kind + "', '" + of + "', 1763773600000, '" + text + "')");
    };
    // Of a later release, with more to it: read.
    row("ban", "192.0.2.2",
        R"({"kind":"ban","net":"192.0.2.2","until":1763773600000,"rule":"harvest","reason":"why","shadow":[1]})");
    row("verdict", "192.0.2.3", R"({"kind":"verdict","net":"192.0.2.3","until":1763773600000})");
    row("ban", "192.0.2.4", "none");
    row("ban", "192.0.2.5", data);  // of another net
    row("grant", "192.0.2.1", data);
    shell.run("INSERT INTO record VALUES ('ban', '192.0.2.6', 1763773600000, x'00ff')");
  }
  {
    auto opened = open(folder);
    CHECK(opened.records.size() == 2);
    CHECK(opened.unreadable == 5);
    write(opened.file, {put(ban(net("192.0.2.4"), "new"))});
  }
  const auto opened = open(folder);
  CHECK(opened.records.size() == 3);
  CHECK(opened.unreadable == 4);
  Shell shell(folder.file());
  CHECK(shell.ask("SELECT count(*) FROM record WHERE kind = 'verdict'") == "1");
}

TEST_CASE("a file of a later release is named and not touched") {
  const RecordsFolder folder;
  fill(folder, 3);
  Shell(folder.file()).run("PRAGMA user_version = 2; ALTER TABLE record RENAME TO of_tomorrow");
  const auto before = content(folder.file());
  const auto said = refusal(folder.path());
  CHECK(contains(said, folder.file() + " is of a later mxwardend (schema 2, this one knows 1)"));
  CHECK(contains(said, "move the file away"));
  CHECK((content(folder.file()) == before));
}

TEST_CASE("a file of an earlier schema is brought to ours") {
  const RecordsFolder folder;
  // What an upgrade that was killed in its middle leaves: all of it undone.
  Shell(folder.file()).run("PRAGMA application_id = 1836611428; PRAGMA user_version = 0; VACUUM");
  REQUIRE(std::filesystem::file_size(folder.file()) > 0);
  {
    auto opened = open(folder);
    CHECK_FALSE(opened.set_aside.has_value());
    write(opened.file, {put(ban(net("192.0.2.1")))});
  }
  CHECK(Shell(folder.file()).ask("PRAGMA user_version") == "1");
  CHECK(open(folder).records.size() == 1);
}

TEST_CASE("a database of another program is named and not touched") {
  for (const auto* sql : {"CREATE TABLE theirs (a)", "PRAGMA application_id = 7; VACUUM"}) {
    CAPTURE(sql);
    const RecordsFolder folder;
    Shell(folder.file()).run(sql);
    const auto before = content(folder.file());
    CHECK(contains(refusal(folder.path()), folder.file() + " is of another program: move it away"));
    CHECK((content(folder.file()) == before));
  }
}

TEST_CASE("a damaged file is set aside, and a new one begun") {
  const RecordsFolder folder;
  SUBCASE("garbage") {
    std::ofstream(folder.file()) << std::string(10'000, 'x');
  }
  SUBCASE("a text") {
    std::ofstream(folder.file()) << "moved to /srv\n";
  }
  SUBCASE("truncated") {
    fill(folder, 5000);
    std::filesystem::resize_file(folder.file(), std::filesystem::file_size(folder.file()) / 2 / 4096 * 4096);
  }
  SUBCASE("flipped bytes in its middle") {
    fill(folder, 5000);
    overwrite(folder.file(), std::filesystem::file_size(folder.file()) / 2 / 4096 * 4096, std::string(8192, '\x5a'));
  }
  SUBCASE("a header that lies") {
    fill(folder, 5000);
    overwrite(folder.file(), 16, std::string("\x00\x07", 2));
  }
  check_set_aside(folder, "1");
}

TEST_CASE("what is set aside does not take the place of what was before, and takes its log along") {
  const RecordsFolder folder;
  std::ofstream(folder.file()) << "first";
  check_set_aside(folder, "1");
  std::ofstream(folder.file()) << std::string(5000, 'y');
  std::ofstream(folder.file() + "-wal") << "its log";
  check_set_aside(folder, "2");
  CHECK(content(folder.file() + ".damaged-1") == "first");
  CHECK(content(folder.file() + ".damaged-2-wal") == "its log");
}

TEST_CASE("damage that a write meets is set aside as well, and the write is not lost") {
  const RecordsFolder folder;
  // More than SQLite keeps in memory.
  fill(folder, 30'000, std::string(200, 'x'));
  std::size_t in_new_file = 0;
  {
    auto opened = open(folder);
    CHECK(opened.records.size() == 30'000);
    overwrite(folder.file(), 4096, std::string(std::filesystem::file_size(folder.file()) - 4096, '\x5a'));
    for (int i = 0; i < 30'000; i += 100) {
      const auto change = put(ban(nth_net(i), "new"));
      const auto written = opened.file.write({&change, 1}, std::nullopt);
      const std::string error = written ? "" : written.error().message;
      REQUIRE(error == "");
      if (written->set_aside) {
        CHECK(in_new_file == 0);
        CHECK(contains(written->set_aside->message, folder.file() + ".damaged-1"));
      }
      if (written->set_aside || in_new_file > 0) ++in_new_file;
    }
  }
  CHECK(in_new_file > 0);
  const auto opened = open(folder);
  CHECK_FALSE(opened.set_aside.has_value());
  CHECK(opened.records.size() == in_new_file);
}

TEST_CASE("a directory has one owner at a time") {
  const RecordsFolder folder;
  {
    const auto owner = open(folder);
    const auto said = refusal(folder.path());
    CHECK(contains(said, folder.path() + " is in use by another mxwardend"));
    CHECK(contains(said, "[store] path"));
  }
  CHECK(refusal(folder.path()) == "");
}

TEST_CASE("what cannot be opened is named, with a remedy") {
  const RecordsFolder folder;
  const auto missing = refusal(folder.path() + "/none");
  CHECK(contains(missing, folder.path() + "/none/records.lock"));
  CHECK(contains(missing, "No such file or directory"));
  CHECK(contains(missing, "[store] path must be a directory in which mxwardend may write"));
  std::ofstream(folder.path() + "/a file") << "x";
  CHECK(contains(refusal(folder.path() + "/a file"), "Not a directory"));
  std::filesystem::create_directory(folder.file());
  CHECK(contains(refusal(folder.path()), folder.file() + " cannot be opened (Is a directory)"));
}

TEST_CASE("a directory that may only be read is named, with a remedy") {
  const RecordsFolder folder;
  fill(folder, 1);
  std::filesystem::remove(folder.path() + "/records.lock");
  REQUIRE(::chmod(folder.path().c_str(), 0555) == 0);
  int answer[2];
  REQUIRE(::pipe(answer) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Root may write anywhere.
    constexpr unsigned nobody = 65534;
    if (::getuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0) ::_exit(1);
    const auto said = refusal(folder.path());
    ::_exit(::write(answer[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(answer[1]);
  std::string said(1000, '\0');
  const auto length = ::read(answer[0], said.data(), said.size());
  ::close(answer[0]);
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  said.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  CHECK(contains(said, folder.path() + "/records.lock cannot be opened (Permission denied)"));
}

TEST_CASE("another program's lock is waited for a second, and then named") {
  const RecordsFolder folder;
  auto opened = open(folder);
  const auto change = put(ban(net("192.0.2.1")));
  {
    Shell shell(folder.file());
    shell.run("BEGIN IMMEDIATE");
    const auto written = opened.file.write({&change, 1}, std::nullopt);
    REQUIRE(written.has_error());
    CHECK(contains(written.error().message, "another program has locked " + folder.file()));
  }
  write(opened.file, {change});
}

TEST_CASE("a hundred thousand records are read") {
  const RecordsFolder folder;
  constexpr int number = 100'000;
  {
    auto opened = open(folder);
    for (int i = 0; i < number;) {
      std::vector<RecordFile::Change> changes;
      for (int end = i + 1000; i < end; ++i) changes.push_back(put(ban(nth_net(i), "30 unknown recipients in 1h")));
      write(opened.file, changes);
    }
  }
  const auto began = std::chrono::steady_clock::now();
  const auto opened = open(folder);
  const auto took = std::chrono::steady_clock::now() - began;
  CHECK(opened.records.size() == number);
  MESSAGE("read ", number, " records in ", std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), " ms");
}
