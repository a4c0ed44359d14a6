#include "conf/access_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

constexpr std::uint64_t largest_number = 4'294'967'295;
constexpr std::uint64_t longest_pause = 300'000;  // ms; sendmail's own limit is five minutes
constexpr std::size_t most_numbers = 8;

struct Tag {
  std::string_view name;
  AccessTag tag;
  std::size_t most_numbers;
  std::uint64_t largest;
};

constexpr std::array tags{Tag{"Connect", AccessTag::connect, 0, 0},
                          Tag{"ClientRate", AccessTag::client_rate, most_numbers, largest_number},
                          Tag{"ClientConn", AccessTag::client_conn, 1, largest_number},
                          Tag{"GreetPause", AccessTag::greet_pause, 1, longest_pause},
                          Tag{"MaxRcpt", AccessTag::max_rcpt, 1, largest_number},
                          Tag{"LoginRate", AccessTag::login_rate, most_numbers, largest_number}};

bool is_tag_name(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '-';
  });
}

std::string_view unquoted(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return text;
  return trim(text.substr(1, text.size() - 2));
}

// An IPv6 address has colons as well.
bool is_untagged(std::string_view key) {
  const auto colon = key.find(':');
  return colon == std::string_view::npos || same_word(key.substr(0, colon), "IPv6") ||
         Address::parse(key.substr(0, key.find('/')));
}

// Sendmail's ERROR, after its colon: `D.S.N:NNN text`, `NNN text` or `NNN D.S.N text`; quotes around all of it or
// around what follows D.S.N.
Result<Action> parse_error(std::string_view text) {
  text = unquoted(trim(text));
  const auto colon = text.find(':');
  const auto status = text.substr(0, colon);
  const bool has_status = colon != std::string_view::npos && std::ranges::count(status, '.') == 2 &&
                          std::ranges::all_of(status, [](char c) { return is_digit(c) || c == '.'; });
  if (!has_status) return Action::parse_connect(text);
  auto reply = unquoted(trim(text.substr(colon + 1)));
  const auto code = take_word(reply);
  return Action::parse_connect(fmt::format("{} {} {}", code, status, unquoted(reply)));
}

Result<void> read_connect(std::string_view text, AccessEntry& entry) {
  constexpr std::string_view error_word = "ERROR:";
  text = unquoted(text);
  entry.ok = same_word(text, "OK") || same_word(text, "RELAY");
  if (entry.ok) return {};
  const bool is_error = same_word(text.substr(0, error_word.size()), error_word);
  auto action = is_error ? parse_error(text.substr(error_word.size())) : Action::parse_connect(text);
  if (!action) {
    return Error{
        fmt::format("{} (for Connect also OK, RELAY, DISCARD or ERROR:D.S.N:NNN text)", action.error().message)};
  }
  entry.action = std::move(*action);
  return {};
}

Result<void> read_numbers(const Tag& tag, std::string_view text, AccessEntry& entry) {
  for (const auto word : words(unquoted(text))) {
    const auto number = parse_number(word, 0, tag.largest);
    if (!number) return Error{fmt::format("{}: {}", tag.name, number.error().message)};
    entry.numbers.push_back(*number);
  }
  if (entry.numbers.empty() || entry.numbers.size() > tag.most_numbers) {
    return Error{fmt::format("{} has {} numbers; allowed is {}", tag.name, entry.numbers.size(),
                             tag.most_numbers == 1 ? std::string("one") : fmt::format("1 to {}", tag.most_numbers))};
  }
  return {};
}

Result<std::variant<AccessLine, ForeignLine>> parse_entry(const Tag& tag, std::string_view key,
                                                          std::string_view value) {
  AccessLine line;
  line.tag = tag.tag;
  auto parsed = parse_access_key(tag.tag, key);
  if (!parsed) return parsed.error();
  line.key = std::move(*parsed);
  line.entry.key = key;
  if (value.empty()) return Error{fmt::format("the value of {}:{} is missing", tag.name, key)};
  const auto read =
      tag.tag == AccessTag::connect ? read_connect(value, line.entry) : read_numbers(tag, value, line.entry);
  if (!read) return read.error();
  return std::variant<AccessLine, ForeignLine>(std::move(line));
}

// A tag of another program's is passed over; one that is nearly ours is a slip of the pen.
Result<std::variant<AccessLine, ForeignLine>> unknown_tag(std::string_view name) {
  std::vector<std::string_view> ours;
  for (const auto& tag : tags) ours.push_back(tag.name);
  if (const auto meant = nearest(name, ours); !meant.empty()) {
    return Error{fmt::format("`{}:' is not a tag; did you mean {}:? Allowed are {}", name, meant, alternatives(ours))};
  }
  return std::variant<AccessLine, ForeignLine>(ForeignLine{fmt::format("the tag {}:", name)});
}

}  // namespace

std::string_view to_string(AccessTag tag) {
  return std::ranges::find(tags, tag, &Tag::tag)->name;
}

Result<std::variant<AccessLine, ForeignLine>> parse_access_line(std::string_view line) {
  auto value = trim(line);
  auto key = take_word(value);
  const auto colon = key.find(':');
  const auto name = key.substr(0, colon);
  const auto* tag = std::ranges::find_if(tags, [&](const Tag& known) { return same_word(known.name, name); });
  if (colon != std::string_view::npos && tag != tags.end()) return parse_entry(*tag, key.substr(colon + 1), value);
  if (is_untagged(key)) {
    // For sendmail an address of mail: whom it may come from or go to.
    if (key.find('@') != std::string_view::npos) {
      return std::variant<AccessLine, ForeignLine>(ForeignLine{"a key with @ but without a tag"});
    }
    return parse_entry(tags.front(), key, value);
  }
  if (!is_tag_name(name)) return Error{fmt::format("`{}' is neither a key nor a tag and a key", key)};
  return unknown_tag(name);
}

}  // namespace mxwarden::conf
