#include "maillog/source/file_source.hpp"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"

namespace mxwarden::maillog {
namespace {

using boost::system::error_code;

constexpr std::uint32_t names = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR;

}  // namespace

FileSource::FileSource(boost::asio::io_context& context, const Clock& clock, LineTaker& taker, std::string path,
                       std::optional<Bookmark> bookmark)
    : context_(context),
      clock_(clock),
      taker_(taker),
      path_(std::move(path)),
      begin_at_(std::move(bookmark)),
      follower_(path_, listener()),
      inotify_(context),
      look_again_(context),
      alive_(std::make_shared<int>()) {}

FileFollower::Listener FileSource::listener() {
  return {.take =
              [this](std::optional<std::string_view> text, std::uint64_t position) {
                const auto line = text ? parser_.parse(*text, clock_.wall_now()) : std::nullopt;
                taker_.take(line ? &*line : nullptr, position);
              },
          .remember =
              [this](std::string_view text) {
                if (const auto line = parser_.parse(text, clock_.wall_now())) taker_.remember(*line);
              },
          .keep_bookmark = [this] { taker_.keep_bookmark(); },
          .say = log::write};
}

Result<void> FileSource::start() {
  if (auto watching = watch_directory(); !watching) return watching;
  if (auto begun = follower_.begin(begin_at_); !begun) return begun;
  await_news();
  read_soon();
  return {};
}

Result<void> FileSource::watch_directory() {
  const auto directory = std::filesystem::path(path_).parent_path().string();
  const auto cannot = [&](std::string_view remedy) {
    return Error{
        fmt::format("the directory {} cannot be watched: {}; {}", printable(directory), std::strerror(errno), remedy)};
  };
  const auto inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify < 0) return cannot("raise fs.inotify.max_user_instances (sysctl)");
  inotify_.assign(inotify);
  if (::inotify_add_watch(inotify, directory.c_str(), names) < 0) {
    return cannot(errno == ENOSPC
                      ? "raise fs.inotify.max_user_watches (sysctl)"
                      : "make it, let the user that this runs as read it, or name another [maillog] source");
  }
  return {};
}

// True: one is watched that was not before, and may have been written to since it was looked at.
bool FileSource::watch_files() {
  std::set<int> wanted;
  const auto watch = [&](const std::string& path) {
    const auto added = ::inotify_add_watch(inotify_.native_handle(), path.c_str(), IN_MODIFY);
    if (added >= 0) wanted.insert(added);
    if (added < 0 && errno == ENOSPC) look_again_soon();
  };
  // By its descriptor, as it may have any name by now.
  if (follower_.descriptor() >= 0) watch(fmt::format("/proc/self/fd/{}", follower_.descriptor()));
  watch(path_);
  const auto before = std::exchange(watches_, wanted);
  for (const auto old : before) {
    if (!wanted.contains(old)) ::inotify_rm_watch(inotify_.native_handle(), old);
  }
  return !std::ranges::includes(before, wanted);
}

void FileSource::look_again_soon() {
  if (!std::exchange(is_blind_, true)) {
    log::warn(
        fmt::format("{} is looked at each second, as the kernel watches no more files for this user; raise "
                    "fs.inotify.max_user_watches (sysctl)",
                    printable(path_)));
  }
  look_again_.expires_after(std::chrono::seconds(1));
  look_again_.async_wait([this, alive = std::weak_ptr(alive_)](const error_code& error) {
    if (!error && !alive.expired()) read_soon();
  });
}

void FileSource::await_news() {
  inotify_.async_wait(Descriptor::wait_read, [this, alive = std::weak_ptr(alive_)](const error_code& error) {
    if (error || alive.expired()) return;
    // What has happened does not matter: all is looked at.
    std::array<char, 65536> events;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
    while (::read(inotify_.native_handle(), events.data(), events.size()) > 0) continue;
    read_soon();
    await_news();
  });
}

void FileSource::go_on() {
  read_soon();
}

// A piece each turn, so that others get theirs.
void FileSource::read_soon() {
  if (std::exchange(reading_, true)) return;
  boost::asio::post(context_, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    reading_ = false;
    read();
  });
}

void FileSource::read() {
  if (taker_.full()) return;
  const auto next = follower_.read();
  taker_.taken();
  if (next == FileFollower::Next::more || watch_files()) read_soon();
}

void FileSource::stop() {
  alive_ = nullptr;
  error_code ignored;
  inotify_.close(ignored);
  look_again_.cancel();
}

}  // namespace mxwarden::maillog
