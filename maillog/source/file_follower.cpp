#include "maillog/source/file_follower.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/escape.hpp"
#include "maillog/source/fingerprint.hpp"

namespace mxwarden::maillog {
namespace {

constexpr std::size_t read_size = 65536;
constexpr std::uint64_t fingerprint_size = 256;
constexpr std::size_t tail_size = 64;
constexpr std::uint64_t no_inode = 0;

FileDescriptor open_file(const std::string& path) {
  // A FIFO must not hold us up.
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

std::optional<struct stat> status_of(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return std::nullopt;
  return status;
}

// As many bytes as were wanted, or fewer at the end of the file. Nothing: it cannot be read.
std::optional<std::string_view> read_at(int file, std::uint64_t offset, std::size_t wanted, std::string& buffer) {
  buffer.resize(std::max(buffer.size(), wanted));
  std::size_t size = 0;
  while (size < wanted) {
    const auto read = ::pread(file, buffer.data() + size, wanted - size, static_cast<off_t>(offset + size));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return std::nullopt;
    if (read == 0) break;
    size += static_cast<std::size_t>(read);
  }
  return std::string_view(buffer).substr(0, size);
}

// The last bytes before `offset`, `most` of them. Empty: there are none, or they cannot be read.
std::string bytes_before(int file, std::uint64_t offset, std::uint64_t most) {
  const auto wanted = std::min(offset, most);
  std::string buffer;
  const auto bytes = read_at(file, offset - wanted, wanted, buffer);
  return std::string(bytes && bytes->size() == wanted ? *bytes : std::string_view());
}

// 0: there are none.
std::uint64_t fingerprint_before(int file, std::uint64_t offset) {
  const auto bytes = bytes_before(file, offset, fingerprint_size);
  return bytes.empty() ? 0 : fingerprint(bytes);
}

bool fits(const LogFile& file, std::uint64_t offset, std::uint64_t fingerprint) {
  if (file.size < offset) return false;
  return offset == 0 || fingerprint_before(open_file(file.path).get(), offset) == fingerprint;
}

// By its inode, if what stands there is what was read. Else what was read may stand in a copy: copytruncate makes one.
std::vector<LogFile>::const_iterator find(const std::vector<LogFile>& files, std::uint64_t inode, std::uint64_t offset,
                                          std::uint64_t fingerprint) {
  const auto same = std::ranges::find_if(
      files, [&](const LogFile& file) { return file.inode == inode && fits(file, offset, fingerprint); });
  if (same != files.end() || offset == 0 || fingerprint == 0) return same;
  return std::ranges::find_if(files, [&](const LogFile& file) { return fits(file, offset, fingerprint); });
}

// One of the later parts is what the file holds now, after it was truncated.
template <class Parts>
bool holds_another(std::uint64_t inode, const Parts& later) {
  return std::ranges::find(later, inode, &FilePart::inode) != std::ranges::end(later);
}

// The last bytes before `end`, `most` of them, as lines.
void remember_lines(int file, std::uint64_t end, std::uint64_t most,
                    const std::function<void(std::string_view)>& remember) {
  const auto begin = end - std::min(end, most);
  LineSplitter splitter;
  // Where it begins in the middle of a line, that is none.
  auto whole = begin == 0;
  std::string buffer;
  while (begin + splitter.fed() < end) {
    const auto wanted = std::min<std::uint64_t>(end - begin - splitter.fed(), read_size);
    const auto bytes = read_at(file, begin + splitter.fed(), wanted, buffer);
    if (!bytes || bytes->empty()) return;
    splitter.feed(*bytes, [&](std::optional<std::string_view> line, std::uint64_t) {
      if (std::exchange(whole, true) && line) remember(*line);
    });
  }
}

// Where the last whole line before `end` ends. What is longer than a line may be, with its carriage return and the line
// feed before it, begins there.
std::uint64_t end_of_lines(int file, std::uint64_t end) {
  const auto bytes = bytes_before(file, end, LineSplitter::longest_line + 2);
  const auto last = bytes.rfind('\n');
  if (last != std::string::npos) return end - bytes.size() + last + 1;
  return bytes.size() == end ? 0 : end;
}

std::string text_of(WallTime time) {
  return fmt::format("{:%F %T} UTC", std::chrono::floor<std::chrono::seconds>(time));
}

}  // namespace

FileFollower::FileFollower(std::string path, Listener listener)
    : path_(std::move(path)), listener_(std::move(listener)) {}

Result<void> FileFollower::begin(const std::optional<Bookmark>& bookmark) {
  const auto file = open_file(path_);
  if (file.get() < 0 && errno != ENOENT) {
    return Error{
        fmt::format("{} cannot be read: {}; let the user that this runs as read it: on Debian the group adm may",
                    printable(path_), std::strerror(errno))};
  }
  if (const auto status = status_of(file.get()); status && !S_ISREG(status->st_mode)) {
    return Error{fmt::format("{} is no file; see [maillog] source for what else can be read", printable(path_))};
  }
  if (bookmark) {
    go_on_at(*bookmark);
  } else {
    begin_at_end();
  }
  return {};
}

// A new installation does not take last week's log for news.
void FileFollower::begin_at_end() {
  auto file = open_file(path_);
  const auto status = status_of(file.get());
  if (!status) return;
  parts_.push_back({.file = std::move(file), .inode = status->st_ino});
  const auto end = end_of_lines(descriptor(), static_cast<std::uint64_t>(status->st_size));
  begin_at(end);
  acknowledge(end);
  remember_before(log_files(path_).files, end);
}

void FileFollower::go_on_at(const Bookmark& bookmark) {
  position_ = bookmark.position;
  fingerprint_ = bookmark.fingerprint;
  least_base_ = bookmark.position;
  if (bookmark.parts.empty()) return;
  const auto found = log_files(path_);
  const auto& parts = bookmark.parts;
  // That of the position. What was lost of it is passed over.
  auto part = std::ranges::find_if(parts, [&](const FilePart& one) { return one.base > bookmark.position; });
  if (part != parts.begin()) --part;
  for (const auto first = part; part != parts.end(); ++part) {
    const auto offset = bookmark.position - std::min(bookmark.position, part->base);
    const std::vector<FilePart> later(std::next(part), parts.end());
    const auto inode = holds_another(part->inode, later) ? no_inode : part->inode;
    const auto file = find(found.files, inode, offset, bookmark.fingerprint);
    if (file == found.files.end()) continue;
    auto opened = open_file(file->path);
    if (opened.get() < 0) continue;
    if (part != first) say_part_is_gone();
    parts_.push_back({.file = std::move(opened), .inode = file->inode, .base = part->base});
    begin_at(offset);
    known_.assign(later.begin(), later.end());
    return remember_before(found.files, offset);
  }
  lose_the_way(bookmark, found);
}

void FileFollower::say_part_is_gone() const {
  listener_.say(log::Level::warn, fmt::format("what {} was is gone before all of it was read", printable(path_)));
}

void FileFollower::lose_the_way(const Bookmark& bookmark, const LogFiles& found) {
  const auto began = text_of(bookmark.kept_at);
  const auto lost = !found.compressed.empty() && found.compressed.back().written > bookmark.kept_at;
  listener_.say(
      log::Level::warn,
      fmt::format("where reading {} has stopped cannot be found any more: it was rotated and compressed, removed "
                  "or replaced meanwhile. Nothing was read of what was written from {} until {}",
                  printable(path_), began,
                  lost ? text_of(found.compressed.back().written) : std::string("the oldest file that is left")));
  least_base_ = std::max(bookmark.position, bookmark.parts.back().base) + leap;
  read_until_ = bookmark.kept_at;
}

FileFollower::Next FileFollower::read() {
  if (parts_.empty() && !open_first()) return Next::nothing;
  std::uint64_t wanted = read_size;
  if (!known_.empty()) {
    const auto left = known_.front().base - std::min(known_.front().base, parts_.back().base + splitter_.fed());
    wanted = std::min(wanted, left);
  }
  // With what stands before it: where that is another, the file was truncated, and may have grown since.
  const auto read = read_at(descriptor(), splitter_.fed() - tail_.size(), tail_.size() + wanted, buffer_);
  if (!read) return say_unreadable(path_, errno), Next::nothing;
  if (!read->starts_with(tail_)) return known_.empty() ? begin_truncated() : begin_known_part();
  const auto bytes = read->substr(tail_.size());
  if (bytes.empty()) return at_end();
  tail_ = read->substr(read->size() - std::min(read->size(), tail_size));
  splitter_.feed(bytes, [this, base = parts_.back().base](std::optional<std::string_view> line, std::uint64_t end) {
    listener_.take(line, base + end);
  });
  return Next::more;
}

// The live one, or the oldest that is later than what was read.
bool FileFollower::open_first() {
  const auto found = log_files(path_).files;
  const auto first =
      std::ranges::find_if(found, [this](const LogFile& file) { return file.live || file.written > read_until_; });
  if (first != found.end()) return open(*first, least_base_);
  if (!std::exchange(missing_, true)) {
    listener_.say(log::Level::warn,
                  fmt::format("{} is not there; it is waited for. If it never comes, name another [maillog] source",
                              printable(path_)));
  }
  return false;
}

bool FileFollower::open(const LogFile& file, std::uint64_t base) {
  auto opened = open_file(file.path);
  const auto error = errno;
  const auto status = status_of(opened.get());
  if (status && status->st_ino == file.inode) {
    begin_part(std::move(opened), file.inode, base);
    return true;
  }
  // Gone since it was looked for: there will be another.
  if (!status && error != ENOENT) say_unreadable(file.path, error);
  return false;
}

void FileFollower::say_unreadable(const std::string& path, int error) {
  if (std::exchange(unreadable_, path) == path) return;
  listener_.say(
      log::Level::error,
      fmt::format("{} cannot be read, and is waited for: {}; let the user that this runs as read it: on Debian "
                  "the group adm may",
                  printable(path), std::strerror(error)));
}

void FileFollower::begin_part(FileDescriptor file, std::uint64_t inode, std::uint64_t base) {
  parts_.push_back({.file = std::move(file), .inode = inode, .base = base});
  begin_at(0);
  leaving_ = false;
  missing_ = false;
  unreadable_.clear();
  listener_.keep_bookmark();
}

void FileFollower::begin_at(std::uint64_t offset) {
  splitter_.begin_anew(offset);
  tail_ = bytes_before(descriptor(), offset, tail_size);
}

// Also of the file before, if there is little in this one.
void FileFollower::remember_before(const std::vector<LogFile>& files, std::uint64_t end) {
  const auto here = std::ranges::find(files, parts_.back().inode, &LogFile::inode);
  if (end < most_remembered && here != files.end() && here != files.begin()) {
    const auto& before = *std::prev(here);
    remember_lines(open_file(before.path).get(), before.size, most_remembered - end, listener_.remember);
  }
  remember_lines(descriptor(), end, most_remembered, listener_.remember);
}

FileFollower::Next FileFollower::at_end() {
  if (!known_.empty()) return begin_known_part();
  if (is_live()) return Next::nothing;
  if (leaving_) return leave();
  leaving_ = std::ranges::any_of(later_files(), [](const LogFile& file) { return file.size > 0; });
  return leaving_ ? Next::more : Next::nothing;
}

FileFollower::Next FileFollower::begin_known_part() {
  const auto part = known_.front();
  const auto files = log_files(path_).files;
  const auto file = std::ranges::find(files, part.inode, &LogFile::inode);
  known_.pop_front();
  if (file != files.end() && !holds_another(part.inode, known_) && open(*file, part.base)) return Next::more;
  say_part_is_gone();
  if (!known_.empty()) return Next::more;
  least_base_ = part.base + leap;
  const auto status = status_of(descriptor());
  read_until_ = status ? time_of(status->st_mtim) : WallTime::max();
  parts_.clear();
  return Next::more;
}

FileFollower::Next FileFollower::begin_truncated() {
  listener_.say(log::Level::info, fmt::format("{} was truncated; it is read from its beginning", printable(path_)));
  say_half_line(splitter_.fed() - splitter_.ended());
  const auto base = next_base();
  const auto inode = parts_.back().inode;
  begin_part(std::move(parts_.back().file), inode, base);
  return Next::more;
}

FileFollower::Next FileFollower::leave() {
  leaving_ = false;
  const auto later = later_files();
  if (later.empty()) return Next::nothing;
  const auto half = splitter_.fed() - splitter_.ended();
  if (!open(later.front(), next_base())) return Next::nothing;
  say_half_line(half);
  listener_.say(log::Level::info,
                fmt::format("{} was rotated; reading goes on in {}", printable(path_), printable(later.front().path)));
  return Next::more;
}

bool FileFollower::is_live() const {
  struct stat status {};
  return ::stat(path_.c_str(), &status) == 0 && status.st_ino == parts_.back().inode;
}

std::vector<LogFile> FileFollower::later_files() const {
  auto files = log_files(path_).files;
  LogFile current;
  current.inode = parts_.back().inode;
  if (const auto found = std::ranges::find(files, current.inode, &LogFile::inode); found != files.end()) {
    current = *found;
  } else if (const auto status = status_of(descriptor())) {
    current.written = time_of(status->st_mtim);
  }
  std::erase_if(files, [&](const LogFile& file) {
    return !older(current, file) || std::ranges::find(parts_, file.inode, &Part::inode) != parts_.end();
  });
  return files;
}

void FileFollower::say_half_line(std::uint64_t size) const {
  if (size == 0) return;
  listener_.say(log::Level::warn, fmt::format("the last line of what {} was has no end; its {} bytes are passed over",
                                              printable(path_), size));
}

std::uint64_t FileFollower::next_base() const {
  return std::max(least_base_, parts_.back().base + splitter_.fed());
}

void FileFollower::acknowledge(std::uint64_t position) {
  if (position <= position_ || parts_.empty()) return;
  position_ = position;
  while (parts_.size() > 1 && parts_[1].base <= position) parts_.pop_front();
  const auto& part = parts_.front();
  fingerprint_ = position <= part.base ? 0 : fingerprint_before(part.file.get(), position - part.base);
}

Bookmark FileFollower::bookmark() const {
  Bookmark bookmark;
  bookmark.position = position_;
  bookmark.fingerprint = fingerprint_;
  for (const auto& part : parts_) bookmark.parts.push_back({.inode = part.inode, .base = part.base});
  bookmark.parts.insert(bookmark.parts.end(), known_.begin(), known_.end());
  return bookmark;
}

}  // namespace mxwarden::maillog
