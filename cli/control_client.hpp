#pragma once
// The operator's end of the control socket: a line there, a line back, or lines without end. Blocks, for ten seconds at
// most but where it says otherwise.

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mxwarden::cli {

class ControlClient {
 public:
  // The error names the socket, why nobody answers there, and a remedy.
  static Result<ControlClient> connect(const std::string& path);

  ControlClient(ControlClient&& other) noexcept;
  ControlClient& operator=(ControlClient&&) = delete;
  ~ControlClient();

  // `line` without its line feed.
  Result<void> send(std::string_view line);
  // The next line, without its line feed.
  Result<std::string> receive();
  // Waits without end until receive() has something to look at. False: nobody reads `output`, a descriptor, any more.
  bool await_line(int output) const;

 private:
  ControlClient(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Error lost(int error) const;

  int fd_;
  std::string path_;
  std::string input_;  // behind the last line
};

}  // namespace mxwarden::cli
