#pragma once
// What is wrong in a file of the administrator's, said so that he can mend it: where, what was found, what is allowed.

#include <string>
#include <vector>

namespace mxwarden::conf {

// A line of a file, or of the command line (`--set server.listen=...`, line 0).
struct Origin {
  std::string file;
  int line = 0;
};

struct Fault {
  Origin where;
  std::string what;  // a sentence: what was found, what is allowed

  // `/etc/mxwarden/mxwarden.conf:12: what`
  std::string to_string() const {
    return where.line > 0 ? where.file + ":" + std::to_string(where.line) + ": " + what : where.file + ": " + what;
  }
};

// Faults keep a file from being used; warnings do not.
struct Report {
  std::vector<Fault> faults;
  std::vector<Fault> warnings;
  std::vector<std::string> files;  // that were there, and were read
};

}  // namespace mxwarden::conf
