#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "base/attribute.hpp"
#include "base/duration.hpp"
#include "base/escape.hpp"
#include "cli/commands.hpp"
#include "cli/top.hpp"

namespace mxwarden::cli {
namespace {

using namespace option;

// What mxwardend keeps.
constexpr Duration longest_since = std::chrono::hours(24);

// What was written, before it is known which command it is of.
struct Words {
  std::vector<std::string_view> plain;
  std::map<std::string_view, std::string_view> options;
};

Result<Words> split(std::span<const std::string_view> words) {
  Words split;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto word = words[at] == "-h" ? "--help" : words[at];
    if (!word.starts_with('-') || word == "-") {
      split.plain.push_back(word);
      continue;
    }
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto* option = find_option(name);
    if (option == nullptr) return Error{fmt::format("{} is no option", quoted(name))};
    if (split.options.contains(name)) return Error{fmt::format("{} is given twice", name)};
    if (option->value.empty()) {
      if (equals != std::string_view::npos) return Error{fmt::format("{} takes no value", name)};
      split.options[option->name] = {};
    } else if (equals != std::string_view::npos) {
      split.options[option->name] = word.substr(equals + 1);
    } else if (at + 1 < words.size()) {
      split.options[option->name] = words[++at];
    } else {
      return Error{fmt::format("{} takes a value: {}", name, name_of(*option))};
    }
  }
  return split;
}

Result<void> check_options(const Command& command, const Words& words) {
  for (const auto& [name, value] : words.options) {
    if (!has(command, name))
      return Error{fmt::format("{} is not for {}: {}", name, name_of(command), usage_of(command))};
  }
  for (const auto* option : command.required) {
    if (!words.options.contains(option->name)) {
      return Error{fmt::format("{} is missing: {}", name_of(*option), usage_of(command))};
    }
  }
  return {};
}

Result<std::optional<Prefix>> read_net(const Command& command, const std::vector<std::string_view>& plain) {
  const std::size_t before = command.word.empty() ? 1 : 2;
  const bool given = plain.size() > before;
  if (plain.size() > before + (command.argument == Argument::none ? 0 : 1)) {
    return Error{fmt::format("{} is too much: {}", quoted(plain.back()), usage_of(command))};
  }
  if (!given) {
    if (command.argument == Argument::none || command.argument == Argument::maybe_address)
      return std::optional<Prefix>();
    return Error{fmt::format("{} is missing: {}", name_of(command.argument).substr(1), usage_of(command))};
  }
  if (!is_utf8(plain.back())) return Error{fmt::format("{} is not an IP address", quoted(plain.back()))};
  const auto net = Prefix::parse(plain.back());
  if (!net) return Error{printable(net.error().message)};
  if (command.argument != Argument::net && net->length() != net->address().bits()) {
    return Error{fmt::format("{} is a net, and this takes one address: {}", net->to_string(), usage_of(command))};
  }
  return std::optional(*net);
}

Result<std::string> read_text(const Words& words, const Option& option) {
  const auto found = words.options.find(option.name);
  if (found == words.options.end()) return Result<std::string>(boost::system::in_place_value);
  const auto text = found->second;
  if (text.empty() || text.size() > store::longest_record_text || printable(text) != text) {
    return Error{fmt::format("{} must be text of 1 to {} bytes of UTF-8 without control characters", option.name,
                             store::longest_record_text)};
  }
  return Result<std::string>(boost::system::in_place_value, text);
}

Result<std::optional<Duration>> read_time(const Words& words, const Option& option) {
  const auto found = words.options.find(option.name);
  if (found == words.options.end()) return std::optional<Duration>();
  const auto time = parse_duration(found->second);
  if (!time) return Error{fmt::format("{}: {}", option.name, printable(time.error().message))};
  if (*time == Duration::zero()) return Error{fmt::format("{}: it must be longer than nothing", option.name)};
  return std::optional(*time);
}

// The value of an attribute as it is to be sent; the error says what it may be.
Result<std::string> read_attribute(Attribute attribute, std::string_view value) {
  if (!is_utf8(value) || printable(value) != value) return Error{"must be UTF-8 without control characters"};
  std::string text(value);
  const auto is_number = [&] { return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos; };
  switch (attribute) {
    case Attribute::client_address:
      if (text != "unknown" && !Address::parse(text)) return Error{quoted(text) + " is not an IP address"};
      break;
    case Attribute::protocol_state:
      std::ranges::transform(text, text.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
      if (parse_protocol_state(text) == ProtocolState::other) {
        return Error{fmt::format("{} is none: one of {}", quoted(value), fmt::join(protocol_state_names, ", "))};
      }
      break;
    case Attribute::size:
    case Attribute::server_port:
      if (!is_number()) return Error{quoted(text) + " is no whole number"};
      break;
    default:
      break;
  }
  return Result<std::string>(boost::system::in_place_value, std::move(text));
}

// None, if none is given.
Result<std::vector<AttributeValue>> read_attributes(const Words& words) {
  std::vector<AttributeValue> attributes;
  for (const auto& [option, attribute] : attribute_options) {
    const auto found = words.options.find(option->name);
    if (found == words.options.end()) continue;
    auto value = read_attribute(attribute, found->second);
    if (!value) return Error{fmt::format("{}: {}", option->name, value.error().message)};
    attributes.emplace_back(to_string(attribute), std::move(*value));
  }
  if (!attributes.empty() && !words.options.contains(state.name)) {
    attributes.emplace_back(to_string(Attribute::protocol_state), usual_state);
  }
  return Result<std::vector<AttributeValue>>(boost::system::in_place_value, std::move(attributes));
}

// What a daemon would refuse is said at once.
Result<void> read_filters(const Words& words, Invocation& invocation) {
  for (const auto* option : filters) {
    if (!words.options.contains(option->name)) continue;
    auto value = option->value.empty() ? Result<std::string>(boost::system::in_place_value) : read_text(words, *option);
    if (!value) return value.error();
    if (option == &of_client) {
      if (const auto net = Prefix::parse(*value); !net) return Error{"--client: " + printable(net.error().message)};
    }
    if (option == &in_state) {
      if (auto checked = read_attribute(Attribute::protocol_state, *value); !checked) {
        return Error{fmt::format("{}: {}", option->name, checked.error().message)};
      }
    }
    if (option == &with_action && value->find(' ') != std::string::npos) {
      return Error{fmt::format("{} is the first word of an answer, as 421, and no more", option->name)};
    }
    invocation.filters.emplace_back(option->name.substr(2), std::move(*value));
  }
  return {};
}

Result<void> read_top(const Words& words, Invocation& invocation) {
  const auto by = words.options.find(top_by.name);
  invocation.top_by = by == words.options.end() ? usual_top_by : by->second;
  if (find_top_category(invocation.top_by) == nullptr) {
    std::vector<std::string_view> names;
    for (const auto& category : top_categories()) names.push_back(category.name);
    return Error{fmt::format("{} {} is unknown: one of {}", top_by.name, quoted(by->second), fmt::join(names, ", "))};
  }
  invocation.most = usual_top;
  if (const auto most = words.options.find(top_most.name); most != words.options.end()) {
    const auto* const end = most->second.data() + most->second.size();
    const auto parsed = std::from_chars(most->second.data(), end, invocation.most);
    if (parsed.ec != std::errc() || parsed.ptr != end || invocation.most < 1 || invocation.most > largest_top) {
      return Error{fmt::format("{} must be a number from 1 to {}", top_most.name, largest_top)};
    }
  }
  auto since = read_time(words, top_since);
  if (!since) return since.error();
  if (*since && **since > longest_since) {
    return Error{fmt::format("{} can be {} at most: nothing older is kept", top_since.name, to_string(longest_since))};
  }
  invocation.since = *since;
  invocation.here = words.options.contains(top_here.name);
  return {};
}

Result<std::optional<PerimeterFormat>> read_format(const Words& words) {
  const auto found = words.options.find(format.name);
  if (found == words.options.end()) return std::optional<PerimeterFormat>();
  const auto read = parse_perimeter_format(found->second);
  if (!read) {
    return Error{fmt::format("{} {} is unknown: one of {}", format.name, quoted(found->second),
                             fmt::join(perimeter_formats, ", "))};
  }
  if (words.options.contains("--json")) return Error{fmt::format("{} and --json exclude each other", format.name)};
  return read;
}

CommandLine read(const Command& command, const Words& words) {
  Invocation invocation;
  invocation.verb = command.verb;
  invocation.kind = command.kind;
  invocation.json = words.options.contains("--json");
  invocation.force = words.options.contains(force.name);
  if (const auto path = words.options.find("--control"); path != words.options.end()) invocation.control = path->second;
  if (const auto checked = check_options(command, words); !checked) return checked.error();
  auto net = read_net(command, words.plain);
  if (!net) return net.error();
  invocation.net = *net;
  if (command.verb == Verb::top) {
    if (const auto top = read_top(words, invocation); !top) return top.error();
  }
  auto format = read_format(words);
  if (!format) return format.error();
  invocation.format = *format;
  auto time = read_time(words, for_ban);
  if (!time) return time.error();
  invocation.time = *time;
  if (command.verb == Verb::explain) {
    auto attributes = read_attributes(words);
    if (!attributes) return attributes.error();
    invocation.attributes = std::move(*attributes);
  }
  for (const auto& [option, to] : {std::pair{&reason, &invocation.reason}, std::pair{&list_name, &invocation.list},
                                   std::pair{&login, &invocation.login}, std::pair{&listener, &invocation.listener}}) {
    auto text = read_text(words, *option);
    if (!text) return text.error();
    *to = std::move(*text);
  }
  if (command.verb == Verb::tail) {
    if (const auto filtered = read_filters(words, invocation); !filtered) return filtered.error();
  }
  return invocation;
}

}  // namespace

CommandLine parse_command_line(std::span<const std::string_view> words) {
  const auto given = split(words);
  if (!given) return given.error();
  if (given->options.contains("--version")) return Information{"mxwarden " MXWARDEN_VERSION "\n"};
  const auto command = find_command(given->plain);
  if (given->options.contains("--help")) {
    if (command) return Information{help_of(**command)};
    const bool of_one_noun = given->plain.size() == 1 && is_noun(given->plain[0]);
    if (given->plain.empty() || of_one_noun) return Information{help_of(of_one_noun ? given->plain[0] : "")};
  }
  if (!command) return command.error();
  return read(**command, *given);
}

}  // namespace mxwarden::cli
