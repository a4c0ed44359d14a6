#include "cli/commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/escape.hpp"

namespace mxwarden::cli {
namespace {

using namespace option;
using store::RecordKind;

constexpr std::array general{
    Option{"--control", "PATH", "the daemon's control socket, as [server] control says (/run/mxwarden/control.sock)"},
    Option{"--json", "", "for programs: one JSON object, of a list one a line"},
    Option{"--help", "", "this text; after a command, the command's own"},
    Option{"--version", "", "the version"},
};

constexpr std::array bans_list_takes{&format};
constexpr std::array ban_needs{&for_ban, &reason};
constexpr std::array ban_takes{&force};
constexpr std::array grant_needs{&login};
constexpr std::array grant_takes{&for_grant};
constexpr std::array listing_needs{&list_name, &reason};
constexpr std::array listing_takes{&for_listing};
constexpr std::array top_takes{&top_by, &top_most, &top_since, &top_here};
constexpr std::array explain_takes{&client,          &client_name, &sender,  &recipient,   &state,   &helo,
                                   &login_of_client, &size,        &context, &server_port, &listener};

constexpr std::array commands{
    Command{"status", "", Verb::status, RecordKind::ban, Argument::none, {}, {}, "how mxwardend is and what it did"},
    Command{"top",
            "",
            Verb::top,
            RecordKind::ban,
            Argument::none,
            {},
            top_takes,
            "the worst offenders of the last hours, of all nodes that share a Redis"},
    Command{
        "explain",
        "",
        Verb::explain,
        RecordKind::ban,
        Argument::none,
        {},
        explain_takes,
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
    Command{"bans",
            "list",
            Verb::list,
            RecordKind::ban,
            Argument::maybe_address,
            {},
            bans_list_takes,
            "all bans in the order of their nets; with an address those that it is in"},
    Command{"bans", "add", Verb::add, RecordKind::ban, Argument::net, ban_needs, ban_takes,
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
    Command{"grants", "add", Verb::add, RecordKind::grant, Argument::address, grant_needs, grant_takes,
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
    Command{"listings", "add", Verb::add, RecordKind::listing, Argument::address, listing_needs, listing_takes,
            "list a client, an IPv6 one by its /64"},
    Command{"listings", "remove", Verb::remove, RecordKind::listing, Argument::net, {}, {}, "list it no longer"},
    Command{"reload",
            "",
            Verb::reload,
            RecordKind::ban,
            Argument::none,
            {},
            {},
            "read the settings and the access table again; on a fault nothing changes"},
};

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
  return options;
}

std::string nouns() {
  std::vector<std::string_view> names;
  for (const auto& command : commands) {
    if (names.empty() || names.back() != command.noun) names.push_back(command.noun);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Result<const Command*> find_command(const std::vector<std::string_view>& words) {
  if (words.empty()) return Error{fmt::format("a command is missing: one of {}", nouns())};
  std::vector<std::string_view> verbs;
  for (const auto& command : commands) {
    if (command.noun != words[0]) continue;
    if (command.word.empty() || (words.size() > 1 && command.word == words[1])) return &command;
    verbs.push_back(command.word);
  }
  if (verbs.empty()) return Error{fmt::format("{} is no command: one of {}", quoted(words[0]), nouns())};
  const auto allowed = fmt::format("{}", fmt::join(verbs, ", "));
  if (words.size() == 1) return Error{fmt::format("{} is not all: one of {} must follow", words[0], allowed)};
  return Error{fmt::format("{} cannot {}: it takes {}", words[0], quoted(words[1]), allowed)};
}

bool is_noun(std::string_view word) {
  return std::ranges::find(commands, word, &Command::noun) != commands.end();
}

const Option* find_option(std::string_view name) {
  for (const auto& option : general) {
    if (option.name == name) return &option;
  }
  for (const auto& command : commands) {
    for (const auto* option : options_of(command)) {
      if (option->name == name) return option;
    }
  }
  return nullptr;
}

bool has(const Command& command, std::string_view option) {
  const auto is_it = [&](const Option& one) { return one.name == option; };
  const auto options = options_of(command);
  return std::ranges::any_of(general, is_it) ||
         std::ranges::any_of(options, [&](const Option* one) { return is_it(*one); });
}

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
  for (const auto* option : command.required) text += " " + name_of(*option);
  for (const auto* option : command.optional) text += " [" + name_of(*option) + "]";
  return text;
}

std::string help_of(const Command& command) {
  auto text = fmt::format("Usage: {}\n{}\n\nOptions:\n", usage_of(command), command.help);
  for (const auto* option : options_of(command)) text += row(name_of(*option), option->help);
  return text + general_options();
}

std::string help_of(std::string_view noun) {
  std::string text = "Usage: mxwarden [--control PATH] [--json] COMMAND\nAsks a running mxwardend.\n\nCommands:\n";
  for (const auto& command : commands) {
    if (noun.empty() || command.noun == noun)
      text += fmt::format("  {}\n      {}\n", usage_of(command).substr(9), command.help);
  }
  return text + "\nOptions:\n" + general_options() +
         "\nExit status: 0; 1 it was refused, or there is nothing to remove; 2 wrong usage; 69 no daemon answers.\n";
}

}  // namespace mxwarden::cli
