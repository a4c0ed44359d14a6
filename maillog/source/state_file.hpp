#pragma once
// The bookmark of one source on disk: a small JSON file in the directory of [maillog] state, named after the source. It
// is replaced as a whole (a temporary name, fsync, rename), so that a crash leaves the old one or the new one.
//
// A file that cannot be understood is renamed to NAME.damaged, and there is none: reading begins as at the first
// start. One process owns it, by a lock (flock) on NAME.lock.
//
// Errors name the file, why, and a remedy. Calls wait for the disk.

#include <optional>
#include <string>

#include "base/file_descriptor.hpp"
#include "base/result.hpp"
#include "maillog/source/bookmark.hpp"

namespace mxwarden::maillog {

class StateFile {
 public:
  struct Opened;

  // `source` as it stands in the settings, as `file:/var/log/mail.log`. The directory is made if it is missing; that it
  // can be written to is tried.
  static Result<Opened> open(const std::string& directory, const std::string& source);

  Result<void> write(const Bookmark& bookmark);

  const std::string& path() const { return path_; }

 private:
  StateFile(std::string directory, std::string path, FileDescriptor lock)
      : directory_(std::move(directory)), path_(std::move(path)), lock_(std::move(lock)) {}

  std::string directory_;
  std::string path_;
  FileDescriptor lock_;
};

struct StateFile::Opened {
  StateFile file;
  std::optional<Bookmark> bookmark;  // nothing: there was none
  std::optional<Error> set_aside;    // there was a damaged one: what was wrong with it, and where it is now
};

// {"format":1,"source":"mx:file:/var/log/mail.log:9f...","position":48211,"kept_at":1763770000123,
//  "parts":[{"inode":131,"base":0}],"fingerprint":"00c0ffee00c0ffee","cursor":""}
std::string to_text(const Bookmark& bookmark);
// The error is a sentence that says what is wrong.
Result<Bookmark> parse_bookmark(std::string_view text);

}  // namespace mxwarden::maillog
