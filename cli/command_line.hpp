#pragma once
// What the operator wrote, as a value. One table says which commands there are, what they take and what they are for:
// reading, help and the sentences about mistakes come from it. Pure.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "cli/perimeter.hpp"
#include "store/record.hpp"

namespace mxwarden::cli {

enum class Verb : std::uint8_t { status, list, add, remove, reload, explain, tail, top };

// An attribute of Postfix's, and its value: UTF-8.
using AttributeValue = std::pair<std::string, std::string>;

struct Invocation {
  Verb verb = Verb::status;
  store::RecordKind kind = store::RecordKind::ban;  // of list, add and remove
  std::string control = "/run/mxwarden/control.sock";
  bool json = false;
  std::optional<Prefix> net;  // one address, where only one makes sense
  std::optional<Duration> time;
  std::string reason;  // UTF-8 without control characters, not too long; empty: not given
  std::string list;
  std::string login;
  bool force = false;
  std::vector<AttributeValue> attributes;  // of explain; empty: they stand on standard input
  std::string listener;
  // Of tail: members of the request that say which decisions, and their values; empty: it is there or not.
  std::vector<std::pair<std::string_view, std::string>> filters;
  std::string top_by;      // of top, as are the next
  std::uint64_t most = 0;  // entries
  std::optional<Duration> since;
  bool here = false;  // of this node alone
  std::optional<PerimeterFormat> format;
};

// What was asked for and needs no daemon: the help, the version.
struct Information {
  std::string text;
};

// The error is a sentence that says what is allowed.
using CommandLine = std::variant<Invocation, Information, Error>;

// `words` without the program's own name.
CommandLine parse_command_line(std::span<const std::string_view> words);

}  // namespace mxwarden::cli
