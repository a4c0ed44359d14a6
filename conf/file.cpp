#include "conf/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace mxwarden::conf {
namespace {

// More than any configuration, less than what a device or a wrong path could pour in.
constexpr std::size_t largest = std::size_t{256} << 20;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

 private:
  int number_;
};

Error reading_failed(int code) {
  return Error{fmt::format("cannot be read: {}", std::generic_category().message(code))};
}

}  // namespace

Result<std::optional<std::string>> read_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return reading_failed(errno);
  }
  std::string content;
  std::array<char, 65536> buffer{};
  for (;;) {
    const auto got = read(file.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return reading_failed(errno);
    if (got == 0) return std::optional(std::move(content));
    content.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.size() > largest) return Error{fmt::format("cannot be read: larger than {} MiB", largest >> 20)};
  }
}

}  // namespace mxwarden::conf
