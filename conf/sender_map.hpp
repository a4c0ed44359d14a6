#pragma once
// Which senders belong to a login besides those of its own domain: the file that [login_sender] map names.
//
//   anna@example.org   sales@example.com @example.net     # a login, and the senders it may use:
//   bert               bert@example.org                   # addresses, or all of a domain
//
// Words are separated by blanks, `#` at the beginning of a line or after a blank begins a comment. A login may have
// several lines. Case does not matter, in a local part neither, and a domain may be written in Unicode or in A-labels;
// @example.net does not cover the names below it. The login is what sasl_username says, with a domain or without.
//
// Reading 100,000 lines takes less than 0.5 s; a look-up is one hash. Immutable once read; a reload makes a new one.
// BUGS: a login or a local part with a blank in it cannot be written.

#include <memory>
#include <string>
#include <string_view>

#include "conf/fault.hpp"

namespace mxwarden::conf {

class SenderMap {
 public:
  SenderMap();
  ~SenderMap();
  SenderMap(SenderMap&&) noexcept;
  SenderMap& operator=(SenderMap&&) noexcept;

  // Reads `text` as the content of `file`. Every fault goes to the report; a map with faults is not to be used.
  static SenderMap parse(std::string_view text, const std::string& file, Report& report);
  // Reads the file itself. A file that is not there, or cannot be read, is a fault.
  static SenderMap load(const std::string& file, Report& report);

  // All in lower case, domains in A-labels. The login has a line.
  bool names(std::string_view login) const;
  // `sender` is an address, or @domain: just this is listed for the login.
  bool lists(std::string_view login, std::string_view sender) const;

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace mxwarden::conf
