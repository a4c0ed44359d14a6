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
#include "cli/top.hpp"

namespace mxwarden::cli {
namespace {

using store::RecordKind;

struct Option {
  std::string_view name;
  std::string_view value;  // what it takes; empty: nothing
  std::string_view help;
};

constexpr Option for_ban{"--for", "TIME", "how long: a whole number and a unit, as in 90s 10m 1h 7d; 3650d at most"};
constexpr Option for_grant{"--for", "TIME", "how long; without it as [relay_grant] ttl says"};
constexpr Option for_listing{"--for", "TIME", "how long; without it as [listing] ttl says"};
constexpr Option reason{"--reason", "TEXT", "why, for people; 300 bytes at most"};
constexpr Option list_name{"--list", "NAME", "who lists it: the name of a DNSBL, or one of your own"};
constexpr Option login{"--login", "NAME", "who has logged in from there"};
constexpr Option force{"--force", "",
                       "also if there are trusted addresses in it, or if it is wider than a /8 (IPv6: /16)"};
constexpr Option top_by{"--by", "WHAT",
                        "rejected (the default), banned, network: who was refused; rate: new SMTP sessions; login: "
                        "recipients"};
constexpr Option top_most{"-n", "NUMBER", "how many; 25 without it, 10000 at most"};
constexpr Option top_since{
    "--since", "TIME", "of how long, as in 1h; 1d without it, and at most. It may be of more, and says of how long"};

constexpr Option client{"--client", "ADDR", "the client's address, or unknown"};
constexpr Option client_name{"--client-name", "N", "its name, as Postfix has verified it"};
constexpr Option sender{"--sender", "ADDR", "who writes"};
constexpr Option recipient{"--recipient", "ADDR", "to whom"};
constexpr Option state{"--state", "STATE", "when Postfix asks: CONNECT, EHLO, MAIL, RCPT, ...; without it at RCPT"};
constexpr Option helo{"--helo", "NAME", "what the client calls itself"};
constexpr Option login_of_client{"--login", "NAME", "the client has logged in by this name"};
constexpr Option size{"--size", "BYTES", "of the message"};
constexpr Option context{"--context", "WORD", "policy_context: pre, post or relay in postfix-snippets"};
constexpr Option server_port{"--port", "PORT", "the port it comes to: 25, 465, 587"};
constexpr Option listener{"--listener", "NAME", "the listener of mxwardend that Postfix asks"};

// What they say of a request, as Postfix calls it.
constexpr std::array attribute_options{std::pair{&client, Attribute::client_address},
                                       std::pair{&client_name, Attribute::client_name},
                                       std::pair{&sender, Attribute::sender},
                                       std::pair{&recipient, Attribute::recipient},
                                       std::pair{&state, Attribute::protocol_state},
                                       std::pair{&helo, Attribute::helo_name},
                                       std::pair{&login_of_client, Attribute::sasl_username},
                                       std::pair{&size, Attribute::size},
                                       std::pair{&context, Attribute::policy_context},
                                       std::pair{&server_port, Attribute::server_port}};
constexpr std::string_view usual_state = "RCPT";

constexpr Option of_client{"--client", "NET", "only of this address, or of a client in this net"};
constexpr Option of_rule{"--rule", "NAME", "only where this rule spoke"};
constexpr Option with_action{"--action", "WORD", "only with this answer: its first word, as 421 or DUNNO"};
constexpr Option in_state{"--state", "STATE", "only at this stage: CONNECT, MAIL, RCPT, END-OF-MESSAGE ..."};
constexpr Option of_sender{"--sender", "ADDR", "only of this sender; @example.org: of all of a domain"};
constexpr Option of_recipient{"--recipient", "ADDR", "only for this recipient, or domain"};
constexpr Option of_login{"--login", "NAME", "only of who is logged in so, or in this domain"};
constexpr Option refused{"--refused", "", "only what was refused"};
constexpr Option all{"--all", "",
                     "also what no rule had anything to say about, as with all of the above but --refused"};
// Each is a member of the request of its own name.
constexpr std::array filters{&of_client,    &of_rule,  &with_action, &in_state, &of_sender,
                             &of_recipient, &of_login, &refused,     &all};

// As many as any command has.
using Options = std::array<const Option*, attribute_options.size() + 1>;  // null: none

constexpr std::array general{
    Option{"--control", "PATH", "the daemon's control socket, as [server] control says (/run/mxwarden/control.sock)"},
    Option{"--json", "", "for programs: one JSON object, of a list one a line"},
    Option{"--help", "", "this text; after a command, the command's own"},
    Option{"--version", "", "the version"},
};

// What mxwardend keeps.
constexpr Duration longest_since = std::chrono::hours(24);

enum class Argument : std::uint8_t { none, maybe_address, address, net };

struct Command {
  std::string_view noun;
  std::string_view word;  // of the verb; empty: the noun says it all
  Verb verb;
  RecordKind kind;
  Argument argument;
  Options required;
  Options optional;
  std::string_view help;
};

constexpr std::array commands{
    Command{"status", "", Verb::status, RecordKind::ban, Argument::none, {}, {}, "how mxwardend is and what it did"},
    Command{"bans",
            "list",
            Verb::list,
            RecordKind::ban,
            Argument::maybe_address,
            {},
            {},
            "all bans in the order of their nets; with an address those that it is in"},
    Command{"bans",
            "add",
            Verb::add,
            RecordKind::ban,
            Argument::net,
            {&for_ban, &reason},
            {&force},
            "serve nobody of an address or a net until the time is over"},
    Command{"bans", "remove", Verb::remove, RecordKind::ban, Argument::net, {}, {}, "end the ban of just this net"},
    Command{"grants",
            "list",
            Verb::list,
            RecordKind::grant,
            Argument::maybe_address,
            {},
            {},
            "all relay grants; with an address its own"},
    Command{"grants",
            "add",
            Verb::add,
            RecordKind::grant,
            Argument::address,
            {&login},
            {&for_grant},
            "let an address relay, as if this login had come from it"},
    Command{"grants", "remove", Verb::remove, RecordKind::grant, Argument::address, {}, {}, "end the grant"},
    Command{"listings",
            "list",
            Verb::list,
            RecordKind::listing,
            Argument::maybe_address,
            {},
            {},
            "all listed clients; with an address those that it is in"},
    Command{"listings",
            "add",
            Verb::add,
            RecordKind::listing,
            Argument::address,
            {&list_name, &reason},
            {&for_listing},
            "list a client, an IPv6 one by its /64"},
    Command{"listings", "remove", Verb::remove, RecordKind::listing, Argument::net, {}, {}, "list it no longer"},
    Command{"top",
            "",
            Verb::top,
            RecordKind::ban,
            Argument::none,
            {},
            {&top_by, &top_most, &top_since},
            "the worst offenders of the last hours, of all nodes that share a Redis"},
    Command{"reload",
            "",
            Verb::reload,
            RecordKind::ban,
            Argument::none,
            {},
            {},
            "read the settings and the access table again; on a fault nothing changes"},
    Command{
        "explain",
        "",
        Verb::explain,
        RecordKind::ban,
        Argument::none,
        {},
        {&client, &client_name, &sender, &recipient, &state, &helo, &login_of_client, &size, &context, &server_port,
         &listener},
        "what a request would be answered now and why, rule by rule; nothing is counted. Without options it is read "
        "from standard input, as Postfix sends it"},
    Command{"tail",
            "",
            Verb::tail,
            RecordKind::ban,
            Argument::none,
            {},
            filters,
            "decisions while they are made: those that a rule had something to say about"},
};

std::string_view name_of(Argument argument) {
  switch (argument) {
    case Argument::none:
      break;
    case Argument::maybe_address:
      return " [ADDR]";
    case Argument::address:
      return " ADDR";
    case Argument::net:
      return " ADDR[/LEN]";
  }
  return "";
}

std::string name_of(const Option& option) {
  return option.value.empty() ? std::string(option.name) : fmt::format("{} {}", option.name, option.value);
}

std::string name_of(const Command& command) {
  return command.word.empty() ? std::string(command.noun) : fmt::format("{} {}", command.noun, command.word);
}

std::string usage_of(const Command& command) {
  auto text = fmt::format("mxwarden {}{}", name_of(command), name_of(command.argument));
  for (const auto* option : command.required) {
    if (option != nullptr) text += " " + name_of(*option);
  }
  for (const auto* option : command.optional) {
    if (option != nullptr) text += " [" + name_of(*option) + "]";
  }
  return text;
}

std::string row(std::string_view name, std::string_view help) {
  return fmt::format("  {:<18}{}\n", name, help);
}

std::string general_options() {
  std::string text;
  for (const auto& option : general) text += row(name_of(option), option.help);
  return text;
}

// The required ones first.
std::vector<const Option*> options_of(const Command& command) {
  std::vector<const Option*> options(command.required.begin(), command.required.end());
  options.insert(options.end(), command.optional.begin(), command.optional.end());
  std::erase(options, nullptr);
  return options;
}

std::string help_of(const Command& command) {
  auto text = fmt::format("Usage: {}\n{}\n\nOptions:\n", usage_of(command), command.help);
  for (const auto* option : options_of(command)) text += row(name_of(*option), option->help);
  return text + general_options();
}

// Of all commands, or of those of one noun.
std::string help_of(std::string_view noun) {
  std::string text = "Usage: mxwarden [--control PATH] [--json] COMMAND\nAsks a running mxwardend.\n\nCommands:\n";
  for (const auto& command : commands) {
    if (noun.empty() || command.noun == noun)
      text += fmt::format("  {}\n      {}\n", usage_of(command).substr(9), command.help);
  }
  return text + "\nOptions:\n" + general_options() +
         "\nExit status: 0; 1 it was refused, or there is nothing to remove; 2 wrong usage; 69 no daemon answers.\n";
}

// What was written, before it is known which command it is of.
struct Words {
  std::vector<std::string_view> plain;
  std::map<std::string_view, std::string_view> options;
};

// An option takes the same in all commands that have it.
const Option* find_option(std::string_view name) {
  for (const auto& option : general) {
    if (option.name == name) return &option;
  }
  for (const auto* option :
       {&for_ban, &reason, &list_name, &login, &force, &listener, &top_by, &top_most, &top_since}) {
    if (option->name == name) return option;
  }
  for (const auto& [option, attribute] : attribute_options) {
    if (option->name == name) return option;
  }
  for (const auto* option : filters) {
    if (option->name == name) return option;
  }
  return nullptr;
}

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

std::string nouns() {
  std::vector<std::string_view> names;
  for (const auto& command : commands) {
    if (names.empty() || names.back() != command.noun) names.push_back(command.noun);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<const Command*> find_command(const std::vector<std::string_view>& plain) {
  if (plain.empty()) return Error{fmt::format("a command is missing: one of {}", nouns())};
  std::vector<std::string_view> verbs;
  for (const auto& command : commands) {
    if (command.noun != plain[0]) continue;
    if (command.word.empty() || (plain.size() > 1 && command.word == plain[1])) return &command;
    verbs.push_back(command.word);
  }
  if (verbs.empty()) return Error{fmt::format("{} is no command: one of {}", quoted(plain[0]), nouns())};
  const auto allowed = fmt::format("{}", fmt::join(verbs, ", "));
  if (plain.size() == 1) return Error{fmt::format("{} is not all: one of {} must follow", plain[0], allowed)};
  return Error{fmt::format("{} cannot {}: it takes {}", plain[0], quoted(plain[1]), allowed)};
}

bool has(const Command& command, std::string_view name) {
  const auto is_it = [&](const Option* option) { return option != nullptr && option->name == name; };
  return std::ranges::any_of(general, [&](const Option& option) { return option.name == name; }) ||
         std::ranges::any_of(command.required, is_it) || std::ranges::any_of(command.optional, is_it);
}

Result<void> check_options(const Command& command, const Words& words) {
  for (const auto& [name, value] : words.options) {
    if (!has(command, name))
      return Error{fmt::format("{} is not for {}: {}", name, name_of(command), usage_of(command))};
  }
  for (const auto* option : command.required) {
    if (option != nullptr && !words.options.contains(option->name)) {
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
  return {};
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
    const bool of_one_noun =
        given->plain.size() == 1 && std::ranges::find(commands, given->plain[0], &Command::noun) != commands.end();
    if (given->plain.empty() || of_one_noun) return Information{help_of(of_one_noun ? given->plain[0] : "")};
  }
  if (!command) return command.error();
  return read(**command, *given);
}

}  // namespace mxwarden::cli
