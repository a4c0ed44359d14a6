#pragma once
// mxwardend's control socket, as one that follows the bans sees it: a question, and then lines without end.
//
// Threads: one. Nothing here waits but where it says so.

#include <functional>
#include <string>
#include <string_view>

#include "base/file_descriptor.hpp"
#include "base/result.hpp"

namespace mxwarden::firewall {

class ControlSocket {
 public:
  // Connects, and asks `question`, a line without its line feed. The error names the path, what is wrong, and a remedy.
  static Result<ControlSocket> open(const std::string& path, std::string_view question);

  // To be polled for POLLIN.
  int fd() const { return fd_.get(); }

  // The lines that are there, some 64 KiB of them, each without its line feed. The error: the connection has ended, or
  // what comes over it is no line; or it is what `take` gave back for one.
  Result<void> read(const std::function<Result<void>(std::string_view line)>& take);

 private:
  ControlSocket(FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  FileDescriptor fd_;
  std::string path_;
  std::string input_;  // behind the last line
};

// Asks once, and waits for the answer, 200 ms at most. The error says why there is none.
Result<std::string> ask(const std::string& path, std::string_view question);

}  // namespace mxwarden::firewall
