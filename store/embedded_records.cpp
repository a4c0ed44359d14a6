#include "store/embedded_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace mxwarden::store {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_changes_a_write = 1000;  // 20 ms of the disk
constexpr std::size_t most_waiting = 100'000;
constexpr auto between_tries = 3s;
constexpr auto between_sweeps = 60s;
// A clock that was wrong for a moment, at boot as a rule, is to cost nothing.
constexpr auto kept_when_over = 1h;

}  // namespace

// The helper thread, which has the file to itself. One piece of work at a time.
class EmbeddedRecords::Writer {
 public:
  struct Work {
    std::vector<RecordFile::Change> changes;
    std::optional<WallTime> over;
  };
  using Outcome = Result<RecordFile::Written>;

  // `finished` is called on the helper thread.
  Writer(RecordFile file, std::function<void()> finished)
      : file_(std::move(file)), finished_(std::move(finished)), thread_([this] { run(); }) {}

  // Finishes what was begun.
  ~Writer() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // Something was begun, and what came of it has not been taken.
  bool busy() const { return busy_; }

  void begin(Work work) {
    busy_ = true;
    {
      const std::lock_guard lock(mutex_);
      work_ = std::move(work);
    }
    changed_.notify_all();
  }

  // Nothing: not finished yet.
  std::optional<Outcome> outcome() {
    const std::lock_guard lock(mutex_);
    return take();
  }
  // While it is busy.
  Outcome wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return outcome_.has_value(); });
    return *take();
  }

 private:
  // Memory that runs out costs this write, and is no end of the process.
  Outcome write(const Work& work) try {
    return file_.write(work.changes, work.over);
  } catch (const std::exception& exception) {
    return Error{exception.what()};
  }

  std::optional<Outcome> take() {
    auto taken = std::exchange(outcome_, std::nullopt);
    if (taken) busy_ = false;
    return taken;
  }

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return work_.has_value() || ends_; });
      if (!work_) return;
      const auto work = *std::exchange(work_, std::nullopt);
      lock.unlock();
      auto outcome = write(work);
      lock.lock();
      outcome_ = std::move(outcome);
      lock.unlock();
      changed_.notify_all();
      finished_();
      lock.lock();
    }
  }

  RecordFile file_;
  std::function<void()> finished_;
  bool busy_ = false;  // of the thread of the requests

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Work> work_;
  std::optional<Outcome> outcome_;
  bool ends_ = false;
  std::thread thread_;
};

EmbeddedRecords::EmbeddedRecords(const Clock& clock) : clock_(clock), book_(clock.now(), clock.wall_now()) {}

EmbeddedRecords::EmbeddedRecords(const Clock& clock, const std::string& directory, Post post) : EmbeddedRecords(clock) {
  const auto now = clock_.now();
  auto opened = RecordFile::open(directory, book_.wall(now));
  if (!opened) {
    not_kept_ = opened.error();
    log::warn(fmt::format("bans, grants and listings are lost when mxwardend ends: {}", not_kept_->message));
    return;
  }
  if (opened->set_aside) log::warn(opened->set_aside->message);
  if (opened->unreadable > 0) {
    log::warn(fmt::format("{} rows of {} are no records that this release can read; they stay as they are",
                          opened->unreadable, opened->file_name));
  }
  for (const auto& record : opened->records) book_.put(record, now);
  next_sweep_ = now;
  try {
    writer_ = std::make_unique<Writer>(std::move(opened->file),
                                       [this, post = std::move(post), alive = std::weak_ptr<char>(alive_)] {
                                         post([this, alive] {
                                           if (!alive.expired()) collect();
                                         });
                                       });
  } catch (const std::system_error& error) {
    not_kept_ = Error{fmt::format("the thread that writes them cannot be started ({}): raise TasksMax= of the service",
                                  error.what())};
    log::warn(fmt::format("bans, grants and listings are lost when mxwardend ends: {}", not_kept_->message));
  }
}

EmbeddedRecords::~EmbeddedRecords() {
  for (auto& waiting : waiting_) waiting.done = nullptr;
  for (auto& waiting : under_way_) waiting.done = nullptr;
  stop();
}

void EmbeddedRecords::stop() {
  if (!writer_) return;
  stopping_ = true;
  try_again_at_ = clock_.now();
  write_next();
  while (writer_->busy()) settle(writer_->wait());
  if (book_unwritten_ || !unwritten_.empty()) {
    log::warn(fmt::format("{} bans, grants and listings are lost, or come back with the next start: {}",
                          book_unwritten_ ? "many" : std::to_string(unwritten_.size()),
                          not_kept_ ? not_kept_->message : "they could not be written in time"));
  }
  writer_.reset();
  not_kept_ = Error{"mxwardend is ending"};
}

void EmbeddedRecords::update(RecordKind kind, const Prefix& net, Change change, Updated done) {
  const auto now = clock_.now();
  const auto before = book_.find_net(kind, net, now);
  auto record = ask(change, kind, net, before.get());
  if (!record && is_kept(kind, net)) return done(before);
  if (record) book_.put(std::move(*record), now);
  auto entry = record ? book_.find_net(kind, net, now) : before;
  this->change({.kind = kind, .net = net, .record = entry}, [entry, done = std::move(done)](const Result<void>& kept) {
    if (kept) return done(entry);
    done(kept.error());
  });
}

void EmbeddedRecords::erase(RecordKind kind, const Prefix& net, Erased done) {
  const bool in_force = book_.find_net(kind, net, clock_.now()) != nullptr;
  const bool in_book = book_.erase(kind, net);
  if (!writer_ && !in_book) return done(false);
  change({.kind = kind, .net = net, .record = nullptr}, [in_force, done = std::move(done)](const Result<void>& kept) {
    if (kept) return done(in_force);
    done(kept.error());
  });
}

// The file has it as the book has.
bool EmbeddedRecords::is_kept(RecordKind kind, const Prefix& net) const {
  if (!writer_) return !not_kept_ || !book_.find_net(kind, net, clock_.now());
  return waiting_.empty() && under_way_.empty() && !book_unwritten_ && !unwritten_.contains({kind, net});
}

void EmbeddedRecords::tick() {
  book_.tick(clock_.now(), clock_.wall_now());
  write_next();
}

void EmbeddedRecords::change(RecordFile::Change change, Done done) {
  if (!not_kept_ && !writer_) {
    done({});
  } else if (not_kept_ || waiting_.size() >= most_waiting) {
    remember_unwritten(change);
    refuse(change, done);
  } else {
    waiting_.push_back({.change = std::move(change), .done = std::move(done)});
    write_next();
  }
}

// Says that the change is in force and not kept.
void EmbeddedRecords::refuse(const RecordFile::Change& change, const Done& done) const {
  if (!done) return;
  const auto why = not_kept_ ? not_kept_->message : "too many changes are waiting for the disk";
  done(Error{change.record ? fmt::format("in force until mxwardend ends, but not kept: {}", why)
                           : fmt::format("lifted until mxwardend starts again, as that is not kept: {}", why)});
}

void EmbeddedRecords::remember_unwritten(const RecordFile::Change& change) {
  if (!writer_) return;
  unwritten_.emplace(change.kind, change.net);
  if (unwritten_.size() > most_waiting) forget_what_is_unwritten();
}

// What is left to be written is the book, from its begin.
void EmbeddedRecords::forget_what_is_unwritten() {
  unwritten_.clear();
  book_unwritten_ = true;
  book_kind_ = 0;
  book_net_.reset();
}

// As the book has it now.
std::vector<RecordFile::Change> EmbeddedRecords::next_unwritten() {
  const auto now = clock_.now();
  std::vector<RecordFile::Change> changes;
  while (!unwritten_.empty() && changes.size() < most_changes_a_write) {
    const auto [kind, net] = *unwritten_.begin();
    unwritten_.erase(unwritten_.begin());
    changes.push_back({.kind = kind, .net = net, .record = book_.find_net(kind, net, now)});
  }
  while (book_unwritten_ && changes.size() < most_changes_a_write) {
    const auto kind = static_cast<RecordKind>(book_kind_);
    const auto page = book_.list(kind, book_net_ ? &*book_net_ : nullptr, most_changes_a_write - changes.size(), now);
    for (const auto& entry : page) changes.push_back({.kind = kind, .net = entry->net, .record = entry});
    if (!page.empty()) {
      book_net_ = page.back()->net;
      continue;
    }
    book_net_.reset();
    book_unwritten_ = ++book_kind_ < record_kinds;
  }
  return changes;
}

void EmbeddedRecords::write_next() {
  if (!writer_ || writer_->busy()) return;
  const auto now = clock_.now();
  if (not_kept_ && now < try_again_at_) return;
  while (!waiting_.empty() && under_way_.size() < most_changes_a_write) {
    under_way_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (under_way_.empty()) {
    for (auto& change : next_unwritten()) under_way_.push_back({.change = std::move(change), .done = nullptr});
  }
  sweeps_ = !stopping_ && now >= next_sweep_;
  if (under_way_.empty() && !sweeps_) return;
  Writer::Work work;
  work.changes.reserve(under_way_.size());
  for (const auto& waiting : under_way_) work.changes.push_back(waiting.change);
  if (sweeps_) {
    work.over = book_.wall(now) - kept_when_over;
    next_sweep_ = now + between_sweeps;
  }
  writer_->begin(std::move(work));
}

void EmbeddedRecords::collect() {
  if (!writer_) return;
  if (const auto outcome = writer_->outcome()) settle(*outcome);
}

void EmbeddedRecords::settle(const Result<RecordFile::Written>& written) {
  auto settled = std::exchange(under_way_, {});
  if (written) {
    succeeded(*written);
    for (const auto& waiting : settled) {
      if (waiting.done) waiting.done({});
    }
  } else {
    failed(written.error(), std::move(settled));
  }
  write_next();
}

void EmbeddedRecords::succeeded(const RecordFile::Written& written) {
  if (std::exchange(not_kept_, std::nullopt)) log::info("bans, grants and listings are kept again");
  if (written.over_removed == RecordFile::most_over) next_sweep_ = clock_.now();
  if (!written.set_aside) return;
  log::warn(written.set_aside->message + "; what is in force is written to it");
  forget_what_is_unwritten();
}

void EmbeddedRecords::failed(const Error& error, std::vector<Waiting> unwritten) {
  const auto now = clock_.now();
  if (!not_kept_) {
    warning_.warn(fmt::format("bans, grants and listings are in force, but not kept: {}", error.message), now);
  }
  not_kept_ = error;
  try_again_at_ = now + between_tries;
  if (sweeps_) next_sweep_ = now;
  for (auto& waiting : std::exchange(waiting_, {})) unwritten.push_back(std::move(waiting));
  for (const auto& waiting : unwritten) remember_unwritten(waiting.change);
  for (const auto& waiting : unwritten) refuse(waiting.change, waiting.done);
}

}  // namespace mxwarden::store
