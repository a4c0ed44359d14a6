#include "store/embedded_records.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/records_conformance.hpp"
#include "support/records_folder.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;
using store::Ban;
using store::EmbeddedRecords;
using store::Record;
using store::RecordFile;
using store::RecordKind;
using tests::net;
using tests::RecordsFolder;

namespace {

// What the helper thread hands over, carried out by who runs it: an io_context without the rest.
class Loop {
 public:
  EmbeddedRecords::Post post() {
    return [this](std::function<void()> function) {
      {
        const std::lock_guard lock(mutex_);
        posted_.push_back(std::move(function));
      }
      changed_.notify_all();
    };
  }
  // The next that is handed over. False: there was none for ten seconds.
  bool run_one() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 10s, [this] { return !posted_.empty(); })) return false;
    const auto next = std::move(posted_.front());
    posted_.pop_front();
    lock.unlock();
    next();
    return true;
  }
  template <class Done>
  bool run_until(const Done& done) {
    while (!done()) {
      if (!run_one()) return false;
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
};

Prefix nth_net(int number) {
  return net("10." + std::to_string(number >> 16) + "." + std::to_string(number >> 8 & 255) + "." +
             std::to_string(number & 255));
}

// Records in a directory, and what they use.
struct Node {
  explicit Node(const std::string& directory) : records(clock, directory, loop.post()) {}

  Record ban(const Prefix& of, const std::string& reason = "why", Duration length = 1h) const {
    return {.net = of, .until = clock.wall_now() + length, .what = Ban{.rule = "harvest", .reason = reason}};
  }
  // The error, or nothing.
  std::string put(const Record& record) {
    std::optional<Result<void>> answer;
    records.put(record, [&](Result<void> result) { answer = std::move(result); });
    REQUIRE(loop.run_until([&] { return answer.has_value(); }));
    return *answer ? "" : answer->error().message;
  }
  std::string erase(const Prefix& of) {
    std::optional<Result<bool>> answer;
    records.erase(RecordKind::ban, of, [&](Result<bool> result) { answer = std::move(result); });
    REQUIRE(loop.run_until([&] { return answer.has_value(); }));
    return *answer ? "" : answer->error().message;
  }
  bool has(const Prefix& of) const { return records.book().find_net(RecordKind::ban, of, clock.now()) != nullptr; }

  ManualClock clock;
  Loop loop;
  EmbeddedRecords records;
};

// What a process that is started now finds.
std::vector<std::string> kept(const RecordsFolder& folder) {
  const Node node(folder.path());
  std::vector<std::string> nets;
  for (const auto& entry : node.records.book().list(RecordKind::ban, nullptr, 1'000'000, node.clock.now())) {
    nets.push_back(entry->net.to_string());
  }
  return nets;
}

using Nets = std::vector<std::string>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Files cannot grow beyond so many bytes while it lives.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t most) {
    // The signal would end the process; the error is what is wanted.
    ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{most, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;
  ~SmallFiles() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

tests::RecordsUnderTest in_folder(const std::shared_ptr<RecordsFolder>& folder,
                                  const std::shared_ptr<ManualClock>& clock) {
  auto loop = std::make_shared<Loop>();
  auto records = std::make_unique<EmbeddedRecords>(*clock, folder->path(), loop->post());
  tests::RecordsUnderTest under_test;
  under_test.clock = clock.get();
  under_test.run = [loop, &records = *records] {
    // What was asked for before is answered before.
    bool answered = false;
    records.erase(RecordKind::listing, net("2001:db8:ffff::1"), [&](const Result<bool>&) { answered = true; });
    REQUIRE(loop->run_until([&] { return answered; }));
  };
  under_test.pass = [clock](Duration time) { clock->advance(time); };
  under_test.reopen = [folder, clock] { return in_folder(folder, clock); };
  under_test.records = std::move(records);
  return under_test;
}

}  // namespace

TEST_CASE("embedded records without a file keep every promise but to outlive the process") {
  tests::check_records_conformance([] {
    const auto clock = std::make_shared<ManualClock>();
    tests::RecordsUnderTest under_test;
    under_test.clock = clock.get();
    under_test.pass = [clock](Duration time) { clock->advance(time); };
    under_test.records = std::make_unique<EmbeddedRecords>(*clock);
    return under_test;
  });
}

TEST_CASE("embedded records in a file keep every promise of records") {
  tests::check_records_conformance(
      [] { return in_folder(std::make_shared<RecordsFolder>(), std::make_shared<ManualClock>()); });
}

TEST_CASE("a record is in force at once, and acknowledged from the loop when it is on disk") {
  const RecordsFolder folder;
  Node node(folder.path());
  bool answered = false;
  node.records.put(node.ban(net("192.0.2.1")), [&](const Result<void>& result) {
    CHECK(result.has_value());
    answered = true;
  });
  CHECK(node.has(net("192.0.2.1")));
  CHECK_FALSE(answered);
  CHECK(node.loop.run_until([&] { return answered; }));
}

TEST_CASE("what a change leaves as it is is acknowledged when it is on disk, and at once if it is already") {
  const RecordsFolder folder;
  Node node(folder.path());
  const auto ban = node.ban(net("192.0.2.1"));
  node.records.put(ban, [](const Result<void>&) {});
  std::optional<store::RecordBook::Entry> answer;
  const auto leave = [&] {
    answer.reset();
    node.records.update(
        RecordKind::ban, ban.net, [](const Record*) { return std::nullopt; },
        [&](const Result<store::RecordBook::Entry>& updated) { answer = updated.value(); });
  };
  leave();
  CHECK_FALSE(answer.has_value());
  REQUIRE(node.loop.run_until([&] { return answer.has_value(); }));
  REQUIRE(*answer != nullptr);
  CHECK(**answer == ban);
  leave();
  REQUIRE(answer.has_value());
  CHECK(**answer == ban);
  node.records.stop();
  CHECK(kept(folder) == Nets{"192.0.2.1"});
}

TEST_CASE("stop writes what waits and answers it; what comes later is in force and not kept") {
  const RecordsFolder folder;
  Node node(folder.path());
  int answered = 0;
  for (int i = 0; i < 2500; ++i) {
    node.records.put(node.ban(nth_net(i)), [&](const Result<void>& result) {
      CHECK(result.has_value());
      ++answered;
    });
  }
  node.records.stop();
  CHECK(answered == 2500);
  CHECK(contains(node.put(node.ban(net("192.0.2.1"))), "not kept: mxwardend is ending"));
  CHECK(node.has(net("192.0.2.1")));
  node.records.tick();
  node.records.stop();
  CHECK(kept(folder).size() == 2500);
}

TEST_CASE("one that ends without a stop writes what waits and answers nobody, also not from what it has posted") {
  const RecordsFolder folder;
  Loop loop;
  ManualClock clock;
  bool answered = false;
  {
    EmbeddedRecords records(clock, folder.path(), loop.post());
    for (int i = 0; i < 1500; ++i) {
      records.put({.net = nth_net(i), .until = clock.wall_now() + 1h, .what = Ban{}},
                  [&](const Result<void>&) { answered = true; });
    }
  }
  bool posted_has_run = false;
  loop.post()([&] { posted_has_run = true; });
  CHECK(loop.run_until([&] { return posted_has_run; }));
  CHECK_FALSE(answered);
  CHECK(kept(folder).size() == 1500);
}

TEST_CASE("an answer may write again") {
  const RecordsFolder folder;
  Node node(folder.path());
  bool answered = false;
  node.records.put(node.ban(net("192.0.2.1")), [&](const Result<void>&) {
    node.records.put(node.ban(net("192.0.2.2")), [&](const Result<void>&) {
      node.records.erase(RecordKind::ban, net("192.0.2.1"), [&](const Result<bool>&) { answered = true; });
    });
  });
  CHECK(node.loop.run_until([&] { return answered; }));
  node.records.stop();
  CHECK(kept(folder) == Nets{"192.0.2.2"});
}

TEST_CASE("what is over leaves the file") {
  const RecordsFolder folder;
  Node node(folder.path());
  for (int i = 0; i < 2500; ++i) {
    node.records.put(node.ban(nth_net(i), "short", 1min), [](const Result<void>&) {});
  }
  CHECK(node.put(node.ban(net("192.0.2.1"), "long", 24h)) == "");
  // Not at once: the clock may be wrong for a moment.
  node.clock.advance(59min);
  node.records.tick();
  CHECK(node.erase(net("192.0.2.9")) == "");
  node.clock.advance(3min);
  node.records.tick();
  // Each write removes 1,000.
  for (int i = 0; i < 4; ++i) CHECK(node.erase(net("192.0.2.9")) == "");
  node.records.stop();
  // As one finds it for whom it is still early.
  auto opened = RecordFile::open(folder.path(), WallTime{});
  REQUIRE(opened.has_value());
  CHECK(opened->records.size() == 1);
}

TEST_CASE("a file that is moved away under a running node is begun anew, with all that is in force") {
  const RecordsFolder folder;
  Node node(folder.path());
  CHECK(node.put(node.ban(net("192.0.2.1"))) == "");
  const auto file = folder.path() + "/records.sqlite";
  for (const auto* part : {"", "-wal", "-shm"}) std::filesystem::rename(file + part, file + ".old" + part);
  CHECK(node.put(node.ban(net("192.0.2.2"))) == "");
  CHECK(std::filesystem::exists(file));
  node.records.stop();
  CHECK(kept(folder) == Nets{"192.0.2.1", "192.0.2.2"});
}

TEST_CASE("without a directory that can be used, records are in force and each answer says why they are not kept") {
  const RecordsFolder folder;
  const auto missing = folder.path() + "/none";
  Node node(missing);
  const auto said = node.put(node.ban(net("192.0.2.1")));
  CHECK(contains(said, "in force until mxwardend ends, but not kept: "));
  CHECK(contains(said, missing + "/records.lock cannot be opened (No such file or directory)"));
  CHECK(node.has(net("192.0.2.1")));
  // Nor is it acknowledged when it is only looked at; that there is none needs no disk.
  std::string looked;
  for (const auto* of : {"192.0.2.1", "192.0.2.2"}) {
    node.records.update(
        RecordKind::ban, net(of), [](const Record*) { return std::nullopt; },
        [&](const Result<store::RecordBook::Entry>& updated) {
          looked += updated ? "fine" : updated.error().message + ", ";
        });
  }
  CHECK(contains(looked, "in force until mxwardend ends, but not kept: "));
  CHECK(looked.ends_with(", fine"));
  node.clock.advance(10s);
  node.records.tick();
  CHECK(node.erase(net("192.0.2.2")) == "");
  CHECK(contains(node.erase(net("192.0.2.1")), "not kept: "));
  CHECK_FALSE(node.has(net("192.0.2.1")));
  CHECK_FALSE(std::filesystem::exists(missing));
}

TEST_CASE("of two in one directory the second keeps nothing, and leaves the first in peace") {
  const RecordsFolder folder;
  Node first(folder.path());
  CHECK(first.put(first.ban(net("192.0.2.1"))) == "");
  {
    Node second(folder.path());
    CHECK_FALSE(second.has(net("192.0.2.1")));
    CHECK(contains(second.put(second.ban(net("192.0.2.2"))), "is in use by another mxwardend"));
  }
  CHECK(first.put(first.ban(net("192.0.2.3"))) == "");
  first.records.stop();
  CHECK(kept(folder) == Nets{"192.0.2.1", "192.0.2.3"});
}

TEST_CASE("what could not be written is in force, and written when that is possible again, as it is by then") {
  const RecordsFolder folder;
  Node node(folder.path());
  CHECK(node.put(node.ban(net("192.0.2.1"))) == "");
  CHECK(node.put(node.ban(net("192.0.2.2"))) == "");
  {
    const SmallFiles small(4096);
    const auto said = node.put(node.ban(net("192.0.2.3")));
    CHECK(contains(said, "in force until mxwardend ends, but not kept: "));
    CHECK(contains(said, folder.path()));
    CHECK(contains(node.erase(net("192.0.2.1")), "lifted until mxwardend starts again"));
    CHECK(contains(node.put(node.ban(net("192.0.2.4"))), "not kept"));
    CHECK(contains(node.erase(net("192.0.2.4")), "not kept"));
    CHECK(contains(node.put(node.ban(net("192.0.2.5"), "short", 2s)), "not kept"));
    CHECK(node.has(net("192.0.2.3")));
    CHECK_FALSE(node.has(net("192.0.2.1")));
    // In vain.
    node.clock.advance(3s);
    node.records.tick();
    REQUIRE(node.loop.run_one());
    CHECK(contains(node.put(node.ban(net("192.0.2.6"))), "not kept"));
  }
  // It is not tried at once.
  node.clock.advance(2s);
  node.records.tick();
  CHECK(contains(node.put(node.ban(net("192.0.2.7"))), "not kept"));
  node.clock.advance(1s);
  node.records.tick();
  REQUIRE(node.loop.run_one());
  CHECK(node.put(node.ban(net("192.0.2.8"))) == "");
  node.records.stop();
  CHECK(kept(folder) == Nets{"192.0.2.2", "192.0.2.3", "192.0.2.6", "192.0.2.7", "192.0.2.8"});
}

TEST_CASE("a full disk is named, and records are kept when there is space again") {
  const RecordsFolder folder;
  int answer[2];
  REQUIRE(::pipe(answer) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  constexpr int not_allowed = 77;
  if (child == 0) {
    // A small file system of its own, that nobody else sees.
    if (::unshare(CLONE_NEWNS) != 0) ::_exit(not_allowed);
    // In a chroot / is no mount, which is no harm there.
    const bool is_private = ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 || errno == EINVAL;
    if (!is_private || ::mount("none", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
      ::_exit(not_allowed);
    }
    std::string said;
    {
      Node node(folder.path());
      said = node.put(node.ban(net("192.0.2.1")));
      std::ofstream filler(folder.path() + "/filler");
      while (filler << std::string(4096, 'x') << std::flush) continue;
      for (int i = 0; i < 100 && said.empty(); ++i) said = node.put(node.ban(nth_net(i), std::string(300, 'x')));
      std::filesystem::resize_file(folder.path() + "/filler", 0);
      node.clock.advance(3s);
      node.records.tick();
      if (!node.loop.run_one()) said += "; nothing was tried again";
      said += node.put(node.ban(net("192.0.2.2")));
    }
    for (const auto& of : kept(folder)) said += of == "192.0.2.1" || of == "192.0.2.2" ? "; " + of : "";
    ::_exit(::write(answer[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(answer[1]);
  std::string said(1000, '\0');
  const auto length = ::read(answer[0], said.data(), said.size());
  ::close(answer[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE_MESSAGE(WEXITSTATUS(status) != not_allowed, "this needs the right to mount: run it as root");
  CHECK(WEXITSTATUS(status) == 0);
  said.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  CHECK(said == "in force until mxwardend ends, but not kept: the disk is full: free some space in " + folder.path() +
                    "; 192.0.2.1; 192.0.2.2");
}

TEST_CASE("what waits when a write fails is answered with it, and kept later") {
  const RecordsFolder folder;
  Node node(folder.path());
  int errors = 0;
  {
    const SmallFiles small(4096);
    for (int i = 0; i < 3000; ++i) {
      node.records.put(node.ban(nth_net(i)), [&](const Result<void>& result) { errors += result ? 0 : 1; });
    }
    CHECK(node.loop.run_until([&] { return errors == 3000; }));
  }
  node.clock.advance(3s);
  node.records.stop();
  CHECK(kept(folder).size() == 3000);
}

TEST_CASE("more changes than may wait are kept all the same, by the book") {
  const RecordsFolder folder;
  constexpr int number = 101'000;
  Node node(folder.path());
  int errors = 0;
  {
    const SmallFiles small(4096);
    CHECK(contains(node.put(node.ban(net("192.0.2.1"))), "not kept"));
    for (int i = 0; i < number; ++i) {
      node.records.put(node.ban(nth_net(i)), [&](const Result<void>& result) { errors += result ? 0 : 1; });
    }
  }
  CHECK(errors == number);
  node.records.stop();
  auto opened = RecordFile::open(folder.path(), node.clock.wall_now());
  REQUIRE(opened.has_value());
  CHECK(opened->records.size() == number + 1);
}

TEST_CASE("when the file turns out to be damaged, what is in force is written to a new one") {
  const RecordsFolder folder;
  constexpr int number = 30'000;
  {
    Node node(folder.path());
    for (int i = 0; i < number; ++i) {
      node.records.put(node.ban(nth_net(i), std::string(200, 'x')), [](const Result<void>&) {});
    }
    node.records.stop();
  }
  {
    Node node(folder.path());
    REQUIRE(node.has(nth_net(number - 1)));
    const auto size = std::filesystem::file_size(folder.file());
    std::fstream(folder.file(), std::ios::binary | std::ios::in | std::ios::out).seekp(4096)
        << std::string(size - 4096, '\x5a');
    for (int i = 0; i < number; i += 100) CHECK(node.put(node.ban(nth_net(i), "new")) == "");
    node.records.stop();
  }
  CHECK(std::filesystem::exists(folder.file() + ".damaged-1"));
  CHECK(kept(folder).size() == number);
}

TEST_CASE("what was acknowledged survives kill -9") {
  // Operation n puts net n; of each four the last instead takes away what the first has put.
  const auto is_erasure = [](int n) { return n % 4 == 3; };
  constexpr int rounds = 20;
  constexpr int most_outstanding = 100;
  int acknowledged_in_all = 0;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    const RecordsFolder folder;
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(pipe[0]);
      Node node(folder.path());
      int acknowledged = 0;
      for (int n = 0;; ++n) {
        const auto done = [&](const auto& result) {
          if (!result || ::write(pipe[1], "+", 1) != 1) ::_exit(1);
          ++acknowledged;
        };
        if (is_erasure(n)) {
          node.records.erase(RecordKind::ban, nth_net(n - 3), done);
        } else {
          node.records.put(node.ban(nth_net(n)), done);
        }
        if (!node.loop.run_until([&] { return n - acknowledged < most_outstanding; })) ::_exit(1);
      }
    }
    ::close(pipe[1]);
    // At a moment of its own in each round.
    const int enough = 1 + round * round * 17;
    int acknowledged = 0;
    char bytes[256];
    bool killed = false;
    for (ssize_t length = 0; (length = ::read(pipe[0], bytes, sizeof bytes)) > 0;) {
      acknowledged += static_cast<int>(length);
      if (acknowledged < enough || killed) continue;
      REQUIRE(::kill(child, SIGKILL) == 0);
      killed = true;
    }
    ::close(pipe[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    acknowledged_in_all += acknowledged;

    const Node node(folder.path());
    int lost = 0;
    int risen = 0;
    for (int n = 0; n < acknowledged; ++n) {
      if (is_erasure(n)) {
        if (node.has(nth_net(n - 3))) ++risen;
        continue;
      }
      // What is to be taken away next may be gone already.
      const bool erased = n % 4 == 0;
      if (!erased && !node.has(nth_net(n))) ++lost;
    }
    CHECK(lost == 0);
    CHECK(risen == 0);
    CHECK_FALSE(std::filesystem::exists(folder.file() + ".damaged-1"));
  }
  CHECK(acknowledged_in_all >= rounds);
}
