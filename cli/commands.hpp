#pragma once
// The one table of commands: what there is, what it takes and what it is for. Reading, help and the sentences about
// mistakes come from it.

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/attribute.hpp"
#include "base/result.hpp"
#include "cli/command_line.hpp"
#include "store/record.hpp"

namespace mxwarden::cli {

struct Option {
  std::string_view name;
  std::string_view value;  // what it takes; empty: nothing
  std::string_view help;
};

// Those that how a command is read goes by.
namespace option {

inline constexpr Option for_ban{"--for", "TIME",
                                "how long: a whole number and a unit, as in 90s 10m 1h 7d; 3650d at most"};
inline constexpr Option for_grant{"--for", "TIME", "how long; without it as [relay_grant] ttl says"};
inline constexpr Option for_listing{"--for", "TIME", "how long; without it as [listing] ttl says"};
inline constexpr Option reason{"--reason", "TEXT", "why, for people; 300 bytes at most"};
inline constexpr Option list_name{"--list", "NAME", "who lists it: the name of a DNSBL, or one of your own"};
inline constexpr Option login{"--login", "NAME", "who has logged in from there"};
inline constexpr Option force{"--force", "",
                              "also if there are trusted addresses in it, or if it is wider than a /8 (IPv6: /16)"};
inline constexpr Option format{"--format", "FORMAT",
                               "for a router, addresses alone: plain (one a line), nft (a file for nft -f), iptables, "
                               "ip6tables (for iptables-restore --noflush), cisco (access lists of IOS)"};
inline constexpr Option top_by{
    "--by", "WHAT",
    "rejected (the default), banned, network: who was refused; rate: new SMTP sessions; bad-recipients: "
    "who guesses; login: recipients"};
inline constexpr Option top_most{"-n", "NUMBER", "how many; 25 without it, 10000 at most"};
inline constexpr Option top_since{"--since", "TIME",
                                  "of how long, as in 1h; 1d without it and at most. Of several nodes it is 1h or 1d"};

inline constexpr Option client{"--client", "ADDR", "the client's address, or unknown"};
inline constexpr Option client_name{"--client-name", "N", "its name, as Postfix has verified it"};
inline constexpr Option sender{"--sender", "ADDR", "who writes"};
inline constexpr Option recipient{"--recipient", "ADDR", "to whom"};
inline constexpr Option state{"--state", "STATE",
                              "when Postfix asks: CONNECT, EHLO, MAIL, RCPT, ...; without it at RCPT"};
inline constexpr Option helo{"--helo", "NAME", "what the client calls itself"};
inline constexpr Option login_of_client{"--login", "NAME", "the client has logged in by this name"};
inline constexpr Option size{"--size", "BYTES", "of the message"};
inline constexpr Option context{"--context", "WORD", "policy_context: pre, post or relay in postfix-snippets"};
inline constexpr Option server_port{"--port", "PORT", "the port it comes to: 25, 465, 587"};
inline constexpr Option listener{"--listener", "NAME", "the listener of mxwardend that Postfix asks"};

inline constexpr Option top_here{"--here", "", "of this node alone, also where nodes share a Redis"};

// What they say of a request, as Postfix calls it.
inline constexpr std::array attribute_options{std::pair{&client, Attribute::client_address},
                                              std::pair{&client_name, Attribute::client_name},
                                              std::pair{&sender, Attribute::sender},
                                              std::pair{&recipient, Attribute::recipient},
                                              std::pair{&state, Attribute::protocol_state},
                                              std::pair{&helo, Attribute::helo_name},
                                              std::pair{&login_of_client, Attribute::sasl_username},
                                              std::pair{&size, Attribute::size},
                                              std::pair{&context, Attribute::policy_context},
                                              std::pair{&server_port, Attribute::server_port}};
inline constexpr std::string_view usual_state = "RCPT";

inline constexpr Option of_client{"--client", "NET", "only of this address, or of a client in this net"};
inline constexpr Option of_rule{"--rule", "NAME", "only where this rule spoke"};
inline constexpr Option with_action{"--action", "WORD", "only with this answer: its first word, as 421 or DUNNO"};
inline constexpr Option in_state{"--state", "STATE", "only at this stage: CONNECT, MAIL, RCPT, END-OF-MESSAGE ..."};
inline constexpr Option of_sender{"--sender", "ADDR", "only of this sender; @example.org: of all of a domain"};
inline constexpr Option of_recipient{"--recipient", "ADDR", "only for this recipient, or domain"};
inline constexpr Option of_login{"--login", "NAME", "only of who is logged in so, or in this domain"};
inline constexpr Option refused{"--refused", "", "only what was refused"};
inline constexpr Option all{"--all", "",
                            "also what no rule had anything to say about, as with all of the above but --refused"};
// Each is a member of the request of its own name.
inline constexpr std::array filters{&of_client,    &of_rule,  &with_action, &in_state, &of_sender,
                                    &of_recipient, &of_login, &refused,     &all};

}  // namespace option

enum class Argument : std::uint8_t { none, maybe_address, address, net };

struct Command {
  std::string_view noun;
  std::string_view word;  // of the verb; empty: the noun says it all
  Verb verb;
  store::RecordKind kind;
  Argument argument;
  std::span<const Option* const> required;
  std::span<const Option* const> optional;
  std::string_view help;
};

// The one that these words begin with; the error is a sentence that says which there are.
Result<const Command*> find_command(const std::vector<std::string_view>& words);
bool is_noun(std::string_view word);
// Of any command, null: there is none. An option takes a value in all commands that have it, or in none.
const Option* find_option(std::string_view name);
bool has(const Command& command, std::string_view option);

// `--for TIME`, `bans add`, ` ADDR[/LEN]`.
std::string name_of(const Option& option);
std::string name_of(const Command& command);
std::string_view name_of(Argument argument);
std::string usage_of(const Command& command);

std::string help_of(const Command& command);
// Of all commands, or of those of one noun.
std::string help_of(std::string_view noun);

}  // namespace mxwarden::cli
