// Where a mail log comes from, and whose lines are looked for in it.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

using Kind = LogSource::Kind;

struct WithPath {
  std::string_view prefix;
  Kind kind;
};

constexpr std::array with_path{WithPath{"file:", Kind::file}, WithPath{"fifo:", Kind::fifo},
                               WithPath{"syslog:", Kind::syslog}};

const std::vector<std::string_view>& recognisers() {
  static const std::vector<std::string_view> names{"postfix", "dovecot", "courier", "cyrus",
                                                   "uw",      "qpopper", "vm-pop3d"};
  return names;
}

}  // namespace

Result<LogSource> parse_log_source(std::string_view text) {
  if (text == "-") return LogSource{Kind::standard_input, {}};
  if (text == "journal") return LogSource{Kind::journal, {}};
  for (const auto& row : with_path) {
    if (!text.starts_with(row.prefix)) continue;
    auto path = parse_path(text.substr(row.prefix.size()));
    if (!path) return path.error();
    // However it is written, it is one source: by this text its state is kept.
    return LogSource{row.kind, std::filesystem::path(*path).lexically_normal().string()};
  }
  return Error{fmt::format(
      "`{}' is not where a log comes from; write file:/path, fifo:/path, syslog:/path, journal or -", text)};
}

std::string to_string(const LogSource& source) {
  if (source.kind == Kind::standard_input) return "-";
  if (source.kind == Kind::journal) return "journal";
  const auto row = std::ranges::find(with_path, source.kind, &WithPath::kind);
  return std::string(row->prefix) + source.path;
}

Result<std::vector<std::string>> parse_recognisers(std::string_view text) {
  std::vector<std::string> names;
  for (const auto name : words(text, " \t,")) {
    if (std::ranges::find(recognisers(), name) == recognisers().end()) {
      return Error{
          fmt::format("`{}' is no program whose lines are known; allowed are {}", name, alternatives(recognisers()))};
    }
    if (std::ranges::find(names, name) != names.end()) return Error{fmt::format("`{}' is there twice", name)};
    names.emplace_back(name);
  }
  if (names.empty()) return Error{fmt::format("there is none; allowed are {}", alternatives(recognisers()))};
  return names;
}

}  // namespace mxwarden::conf
