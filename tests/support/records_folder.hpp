#pragma once
// A directory of its own for the records of a test, removed with all that is in it.

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace mxwarden::tests {

class RecordsFolder {
 public:
  RecordsFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "mxwarden-records-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  RecordsFolder(const RecordsFolder&) = delete;
  RecordsFolder& operator=(const RecordsFolder&) = delete;
  ~RecordsFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string file() const { return path_ + "/records.sqlite"; }

 private:
  std::string path_;
};

}  // namespace mxwarden::tests
