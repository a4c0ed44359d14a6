#include "maillog/source/journal_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/file_descriptor.hpp"
#include "maillog/source/journal_entry.hpp"

namespace mxwarden::maillog {
namespace {

using boost::system::error_code;

constexpr std::size_t read_size = 65536;

// Before the first entry a time stands for the cursor, as --since has it: a cursor begins otherwise.
constexpr char time_mark = '@';

// `-- Boot 5f... --', where a boot follows another: no entry.
constexpr std::string_view remark_mark = "-- ";

std::string cursor_at(WallTime time) {
  const auto since = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
  return fmt::format("{}{}.{:06}", time_mark, since / 1'000'000, since % 1'000'000);
}

// With the pipe as its standard output, and our standard error, where it says what is wrong. Signals are to it as they
// are to any program. Returns its number, or minus the error's.
int spawn_child(std::vector<std::string> arguments, int output) {
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = -1;
  const auto error = ::posix_spawnp(&child, pointers.front(), &actions, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? child : -error;
}

}  // namespace

JournalSource::JournalSource(boost::asio::io_context& context, const Clock& clock, LineTaker& taker,
                             std::vector<std::string> command, std::optional<Bookmark> bookmark, std::uint64_t seed)
    : clock_(clock),
      taker_(taker),
      command_(std::move(command)),
      pipe_(context),
      timer_(context),
      buffer_(read_size, '\0'),
      back_off_(seed),
      alive_(std::make_shared<int>()) {
  if (bookmark) {
    acknowledged_ = {bookmark->position, std::move(bookmark->cursor)};
  } else {
    acknowledged_.cursor = cursor_at(clock.wall_now());
  }
  position_ = acknowledged_.position;
}

JournalSource::~JournalSource() {
  end_child();
}

std::vector<std::string> JournalSource::arguments() const {
  auto arguments = command_;
  // Not --quiet: it would not say then that it may not read the journal.
  arguments.insert(arguments.end(), {"--follow", "--output=json", "SYSLOG_FACILITY=2", "SYSLOG_FACILITY=22"});
  const auto& last = unacknowledged_.empty() ? acknowledged_ : unacknowledged_.back();
  arguments.push_back((last.cursor.starts_with(time_mark) ? "--since=" : "--after-cursor=") + last.cursor);
  // Else it shows the last ten alone.
  arguments.emplace_back("--no-tail");
  return arguments;
}

Result<void> JournalSource::start() {
  return spawn();
}

Result<void> JournalSource::spawn() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return Error{fmt::format("no pipe for journalctl: {}", std::strerror(errno))};
  FileDescriptor from(ends[0]);
  const FileDescriptor to(ends[1]);
  const auto child = spawn_child(arguments(), to.get());
  if (child < 0) {
    return Error{fmt::format("{} cannot be run: {}; install systemd, or name another [maillog] source",
                             command_.front(), std::strerror(-child))};
  }
  child_ = child;
  // What came after the last cursor is read again, and counted again.
  position_ = unacknowledged_.empty() ? acknowledged_.position : unacknowledged_.back().position;
  splitter_.begin_anew();
  pipe_.assign(from.release());
  await();
  return {};
}

void JournalSource::go_on() {
  if (child_ >= 0) await();
}

void JournalSource::await() {
  if (stopped_ || std::exchange(waits_, true)) return;
  pipe_.async_wait(Descriptor::wait_read, [this, alive = std::weak_ptr(alive_)](const error_code& error) {
    if (alive.expired()) return;
    waits_ = false;
    if (!error) read();
  });
}

void JournalSource::read() {
  if (full()) return;
  const auto size = ::read(pipe_.native_handle(), buffer_.data(), buffer_.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return await();
  if (size <= 0) return child_ended();
  splitter_.feed(std::string_view(buffer_).substr(0, static_cast<std::size_t>(size)),
                 [this](std::optional<std::string_view> text, std::uint64_t) { take(text); });
  taker_.taken();
  await();
}

void JournalSource::take(std::optional<std::string_view> text) {
  if (text && text->starts_with(remark_mark)) return;
  const auto entry = text ? parse_journal_entry(*text) : std::nullopt;
  ++position_;
  if (entry) {
    back_off_.begin_anew();
    unacknowledged_.push_back({position_, entry->cursor});
  }
  const auto line = entry ? std::optional(entry->line()) : std::nullopt;
  taker_.take(line ? &*line : nullptr, position_);
}

void JournalSource::child_ended() {
  end_child();
  ended_.warn("journalctl has ended, and is started again; on standard error it says why", clock_.now());
  timer_.expires_after(back_off_.next());
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const error_code& error) {
    if (error || alive.expired()) return;
    if (const auto spawned = spawn(); !spawned) {
      ended_.warn(spawned.error().message, clock_.now());
      child_ended();
    }
  });
}

void JournalSource::end_child() {
  error_code ignored;
  pipe_.close(ignored);
  if (child_ < 0) return;
  ::kill(child_, SIGKILL);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) continue;
  child_ = -1;
}

void JournalSource::acknowledge(std::uint64_t position) {
  const auto was_full = full();
  while (!unacknowledged_.empty() && unacknowledged_.front().position <= position) {
    acknowledged_ = std::move(unacknowledged_.front());
    unacknowledged_.pop_front();
  }
  if (was_full && !full()) go_on();
}

std::optional<Bookmark> JournalSource::bookmark() const {
  Bookmark bookmark;
  bookmark.position = acknowledged_.position;
  bookmark.cursor = acknowledged_.cursor;
  return bookmark;
}

void JournalSource::stop() {
  stopped_ = true;
  alive_ = nullptr;
  timer_.cancel();
  end_child();
}

}  // namespace mxwarden::maillog
