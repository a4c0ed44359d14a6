#pragma once
// One line of the access table, understood: which tag, what key, what entry.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/address.hpp"
#include "base/result.hpp"
#include "conf/access_table.hpp"

namespace mxwarden::conf {

// What an entry is found by: a net (or one address), a name, or nothing for the default. Names are in A-labels, lower
// case and without a trailing dot; for LoginRate a name is a login or a domain.
using AccessKey = std::variant<std::monostate, Prefix, std::string>;

struct AccessLine {
  AccessTag tag{};
  AccessKey key;
  AccessEntry entry;
};

// Not for us: an entry of sendmail's (or of another program's) that its file may hold.
struct ForeignLine {
  std::string what;  // `tag From`, the same for all lines of a kind
};

// Without the colon.
std::string_view to_string(AccessTag tag);

// `line` has no comment and is not empty.
Result<std::variant<AccessLine, ForeignLine>> parse_access_line(std::string_view line);

Result<AccessKey> parse_access_key(AccessTag tag, std::string_view text);
// A host or domain name, in A-labels and lower case.
Result<std::string> parse_name(std::string_view text);

}  // namespace mxwarden::conf
