#include "maillog/source/state_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/escape.hpp"
#include "conf/file.hpp"
#include "maillog/source/fingerprint.hpp"

namespace mxwarden::maillog {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr std::int64_t format = 1;
constexpr mode_t file_mode = 0640;
constexpr mode_t directory_mode = 0750;

Error cannot_write(const std::string& path, int error) {
  return {
      fmt::format("how far the log was read cannot be kept in {}: {}; make the directory, give it to the user that "
                  "this runs as, or name another in [maillog] state",
                  path, std::strerror(error))};
}

// As a file name: what is none stands as `_', and a number keeps those apart that then look alike.
std::string file_name(const std::string& source) {
  constexpr std::size_t longest = 120;
  std::string name;
  for (const auto byte : source.substr(0, longest)) {
    const auto plain =
        (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '.';
    name += plain ? byte : '_';
  }
  return fmt::format("{}-{:08x}.json", name, fingerprint(source) & 0xFFFFFFFFU);
}

Result<void> write_whole(const std::string& path, std::string_view text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, file_mode));
  if (file.get() < 0) return cannot_write(path, errno);
  while (!text.empty()) {
    const auto size = ::write(file.get(), text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return cannot_write(path, errno);
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  if (::fsync(file.get()) != 0) return cannot_write(path, errno);
  return {};
}

// The directory's entry is on disk only when the directory is.
Result<void> sync_directory(const std::string& path) {
  const FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return cannot_write(path, errno);
  return {};
}

class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  std::uint64_t number(std::string_view name) {
    const auto* value = object_.if_contains(name);
    json::error_code error;
    const auto number = value == nullptr ? 0 : value->to_number<std::uint64_t>(error);
    if (value == nullptr || error) fault_ = fmt::format("`{}' is missing, or no number", name);
    return number;
  }

  std::string text(std::string_view name) {
    const auto* value = object_.if_contains(name);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
    fault_ = fmt::format("`{}' is missing, or no text", name);
    return {};
  }

  std::vector<FilePart> parts() {
    std::vector<FilePart> parts;
    const auto* value = object_.if_contains("parts");
    if (value == nullptr || !value->is_array()) {
      fault_ = "`parts' is missing, or no list";
      return parts;
    }
    for (const auto& element : value->get_array()) {
      if (!element.is_object()) {
        fault_ = "one of `parts' is no object";
        continue;
      }
      Members part(element.get_object());
      parts.push_back({.inode = part.number("inode"), .base = part.number("base")});
      if (!part.fault().empty()) fault_ = part.fault();
      const auto ascends = parts.size() < 2 || parts[parts.size() - 2].base <= parts.back().base;
      if (!ascends) fault_ = "`parts' are not in their order";
    }
    return parts;
  }

  std::uint64_t hexadecimal(std::string_view name) {
    const auto written = text(name);
    std::uint64_t number = 0;
    const auto* end = written.data() + written.size();
    if (std::from_chars(written.data(), end, number, 16).ptr != end) fault_ = fmt::format("`{}' is no number", name);
    return number;
  }

  const std::string& fault() const { return fault_; }

 private:
  const json::object& object_;
  std::string fault_;
};

}  // namespace

std::string to_text(const Bookmark& bookmark) {
  json::array parts;
  for (const auto& part : bookmark.parts) parts.push_back({{"inode", part.inode}, {"base", part.base}});
  return json::serialize(json::object{{"format", format},
                                      {"source", bookmark.source},
                                      {"position", bookmark.position},
                                      {"kept_at", milliseconds_since_1970(bookmark.kept_at)},
                                      {"parts", std::move(parts)},
                                      {"fingerprint", fmt::format("{:016x}", bookmark.fingerprint)},
                                      {"cursor", bookmark.cursor}});
}

Result<Bookmark> parse_bookmark(std::string_view text) {
  json::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_object()) return Error{"it is no JSON object"};
  Members members(value.get_object());
  const auto written = members.number("format");
  if (members.fault().empty() && written != format) {
    return Error{fmt::format("it is of format {}, and this release knows {}", written, format)};
  }
  Bookmark bookmark;
  bookmark.source = members.text("source");
  bookmark.position = members.number("position");
  bookmark.kept_at = WallTime(milliseconds(members.number("kept_at")));
  bookmark.parts = members.parts();
  bookmark.fingerprint = members.hexadecimal("fingerprint");
  bookmark.cursor = members.text("cursor");
  if (!members.fault().empty()) return Error{members.fault()};
  if (bookmark.source.empty()) return Error{"`source' is empty"};
  return bookmark;
}

Result<StateFile::Opened> StateFile::open(const std::string& directory, const std::string& source) {
  if (::mkdir(directory.c_str(), directory_mode) != 0 && errno != EEXIST) return cannot_write(directory, errno);
  const auto path = directory + "/" + file_name(source);
  const auto lock_path = path + ".lock";
  FileDescriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, file_mode));
  if (lock.get() < 0) return cannot_write(lock_path, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{
        fmt::format("another mxwarden-maillog follows {}: it holds {}; end it, or name another [maillog] state",
                    printable(source), lock_path)};
  }
  Opened opened{StateFile(directory, path, std::move(lock)), std::nullopt, std::nullopt};
  const auto text = conf::read_file(path);
  if (!text) return text.error();
  if (!*text) return opened;
  auto bookmark = parse_bookmark(**text);
  if (bookmark) {
    opened.bookmark = std::move(*bookmark);
    return opened;
  }
  const auto aside = path + ".damaged";
  if (::rename(path.c_str(), aside.c_str()) != 0) return cannot_write(aside, errno);
  opened.set_aside = Error{fmt::format("{} cannot be used: {}; it is {} now, and {} is read as at the first start",
                                       path, bookmark.error().message, aside, printable(source))};
  return opened;
}

Result<void> StateFile::write(const Bookmark& bookmark) {
  const auto temporary = path_ + ".new";
  if (auto written = write_whole(temporary, to_text(bookmark) + "\n"); !written) return written;
  if (::rename(temporary.c_str(), path_.c_str()) != 0) return cannot_write(path_, errno);
  return sync_directory(directory_);
}

}  // namespace mxwarden::maillog
