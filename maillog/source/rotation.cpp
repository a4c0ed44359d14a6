#include "maillog/source/rotation.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

namespace mxwarden::maillog {
namespace {

constexpr std::array<std::string_view, 4> compressions{".gz", ".xz", ".bz2", ".zst"};

enum class Kind : std::uint8_t { none, live, rotated, compressed };

Kind kind_of(std::string_view file, std::string_view name) {
  if (!file.starts_with(name)) return Kind::none;
  auto rest = file.substr(name.size());
  if (rest.empty()) return Kind::live;
  auto kind = Kind::rotated;
  for (const auto compression : compressions) {
    if (!rest.ends_with(compression)) continue;
    rest.remove_suffix(compression.size());
    kind = Kind::compressed;
    break;
  }
  const auto marked = rest.size() > 1 && (rest.front() == '.' || rest.front() == '-');
  const auto numbered = rest.find_first_not_of("0123456789.-_:") == std::string_view::npos;
  return marked && numbered ? kind : Kind::none;
}

std::optional<LogFile> look_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return LogFile{.path = path,
                 .inode = status.st_ino,
                 .size = static_cast<std::uint64_t>(status.st_size),
                 .written = time_of(status.st_mtim)};
}

// Of NAME.N the higher number is the older, of NAME-DATE the lower.
std::int64_t age_by_name(const std::string& path) {
  const auto mark = path.find_last_of(".-");
  std::int64_t number = 0;
  if (mark != std::string::npos) std::from_chars(path.data() + mark + 1, path.data() + path.size(), number);
  return mark != std::string::npos && path[mark] == '-' ? -number : number;
}

}  // namespace

bool older(const LogFile& left, const LogFile& right) {
  if (left.live != right.live) return right.live;
  if (left.written != right.written) return left.written < right.written;
  return age_by_name(left.path) > age_by_name(right.path);
}

WallTime time_of(const timespec& time) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::seconds(time.tv_sec) +
                                                                 std::chrono::nanoseconds(time.tv_nsec)));
}

LogFiles log_files(const std::string& path) {
  const std::filesystem::path log(path);
  const auto name = log.filename().string();
  LogFiles found;
  std::error_code error;
  for (std::filesystem::directory_iterator at(log.parent_path(), error), end; !error && at != end;
       at.increment(error)) {
    const auto kind = kind_of(at->path().filename().string(), name);
    if (kind == Kind::none) continue;
    auto file = look_at(at->path().string());
    if (!file) continue;
    file->live = kind == Kind::live;
    (kind == Kind::compressed ? found.compressed : found.files).push_back(std::move(*file));
  }
  std::ranges::sort(found.files, older);
  std::ranges::sort(found.compressed, older);
  return found;
}

}  // namespace mxwarden::maillog
