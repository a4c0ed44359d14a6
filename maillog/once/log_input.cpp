#include "maillog/once/log_input.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/escape.hpp"

namespace mxwarden::maillog {
namespace {

using namespace std::string_view_literals;

struct Compression {
  std::string_view first_bytes;
  std::string_view program;
};
constexpr std::array compressions{Compression{"\x1F\x8B"sv, "zcat"},
                                  Compression{"\xFD"
                                              "7zXZ\0"sv,
                                              "xzcat"},
                                  Compression{"BZh"sv, "bzcat"}, Compression{"\x28\xB5\x2F\xFD"sv, "zstdcat"}};

// What can be done about it, if that is known.
std::string_view remedy_for(int error) {
  if (error == EACCES) return "; be a member of its group (adm, as a rule), or root";
  if (error == ENOENT) return "; name the log, or `-' for standard input";
  return {};
}

Error cannot_open(const std::string& path, int error) {
  return {fmt::format("{}: {}{}", printable(path), std::generic_category().message(error), remedy_for(error))};
}

}  // namespace

LogInput::LogInput(LogInput&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, STDIN_FILENO)),
      name_(std::move(other.name_)),
      block_(std::move(other.block_)),
      size_(other.size_),
      written_at_(other.written_at_) {}

LogInput::~LogInput() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

Result<LogInput> LogInput::open(const std::string& path) {
  if (path == "-") return LogInput(STDIN_FILENO, "standard input");
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return cannot_open(path, errno);
  LogInput input(descriptor, printable(path));
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return cannot_open(path, errno);
  if (S_ISDIR(status.st_mode)) return Error{input.name_ + " is a directory; name the log in it"};
  if (S_ISREG(status.st_mode)) {
    input.size_ = static_cast<std::uint64_t>(status.st_size);
    input.written_at_ = WallTime(std::chrono::seconds(status.st_mtim.tv_sec));
  }
  return input;
}

Result<std::string_view> LogInput::read() {
  ssize_t size = 0;
  do {
    size = ::read(descriptor_, block_.data(), block_.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return Error{std::generic_category().message(errno)};
  return std::string_view(block_.data(), static_cast<std::size_t>(size));
}

Result<std::string> path_of_log(const conf::Started& started) {
  if (started.operand) return Result<std::string>(boost::system::in_place_value, *started.operand);
  const auto& source = started.configuration.settings.maillog.source;
  using Kind = conf::LogSource::Kind;
  if (source.kind == Kind::file) return Result<std::string>(boost::system::in_place_value, source.path);
  if (source.kind == Kind::journal) {
    return Error{
        "[maillog] source is the journal, which cannot be read once here; use "
        "`journalctl -o short | mxwarden-maillog --dry-run -'"};
  }
  return Error{"[maillog] source is no file; name a FILE, or `-' for standard input"};
}

std::string_view decompressor_of(std::string_view first_bytes) {
  for (const auto& compression : compressions) {
    if (first_bytes.starts_with(compression.first_bytes)) return compression.program;
  }
  return {};
}

}  // namespace mxwarden::maillog
