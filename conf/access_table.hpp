#pragma once
// The access table: sendmail's own lines, so that a file can be carried over.
//
//   Tag:key  value        tags Connect ClientRate ClientConn GreetPause MaxRcpt LoginRate; without a tag: Connect
//
// Key: an address, a dotted prefix (206.81.85), CIDR, IPv6:2001:db8 (a prefix, here /32) or plain IPv6, a host or
// domain name (example.com also covers names below it), or nothing for the default. Names are matched against Postfix's
// forward-confirmed client_name, never reverse_client_name. The most specific entry wins: address, longer prefix,
// longer name, default. `#` begins a comment. Foreign tags (From:, To:, Spam:, TLS_...) are passed over with one
// warning each.
//
// Reading 100,000 entries takes less than 0.5 s, a look-up less than a microsecond. Immutable once read; a reload makes
// a new one.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "conf/action.hpp"
#include "conf/fault.hpp"

namespace mxwarden::conf {

enum class AccessTag : std::uint8_t { connect, client_rate, client_conn, greet_pause, max_rcpt, login_rate };

struct AccessEntry {
  std::string key;  // as it was written
  int line = 0;
  // Connect: OK (and RELAY, which is the same here and grants nothing) exempts; anything else is the action.
  bool ok = false;
  Action action;
  // The other tags: a number for each window, one is the common case; 0 is no limit. GreetPause in milliseconds.
  std::vector<std::uint64_t> numbers;
  AccessTag tag{};
};

inline constexpr std::size_t access_tags = static_cast<std::size_t>(AccessTag::login_rate) + 1;

// What the table says of a client, tag by tag: the most specific entry, or null. Lives as long as the table.
class AccessMatch {
 public:
  const AccessEntry* operator[](AccessTag tag) const { return entries_[static_cast<std::size_t>(tag)]; }

 private:
  friend class AccessTable;
  std::array<const AccessEntry*, access_tags> entries_{};
};

class AccessTable {
 public:
  AccessTable();
  ~AccessTable();
  AccessTable(AccessTable&&) noexcept;
  AccessTable& operator=(AccessTable&&) noexcept;

  // Reads `text` as the content of `file`. Every fault goes to the report; a table with faults is not to be used.
  static AccessTable parse(std::string_view text, const std::string& file, Report& report);
  // Reads the file itself. A missing file is an empty table and a warning, or a fault if it is not optional; an
  // unreadable one is a fault.
  static AccessTable load(const std::string& file, Report& report, bool optional = true);

  // For all tags. `address` may be null (unknown), `client_name` empty or `unknown`. LoginRate goes by `login` alone,
  // as find_login() does; without a login there is none.
  AccessMatch match(const Address* address, std::string_view client_name, std::string_view login = {}) const;
  // For LoginRate: the login, then its domain, then domains above it, then the default.
  const AccessEntry* find_login(std::string_view login) const;

  // An entry Connect: OK that speaks for an address of this net, whatever other entries say of others in it; null:
  // none. Names are not looked at. Takes as long as there are such entries.
  const AccessEntry* allowed_in(const Prefix& net) const;

  std::span<const AccessEntry> entries() const;  // in the order of the file
  std::size_t size() const;

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace mxwarden::conf
