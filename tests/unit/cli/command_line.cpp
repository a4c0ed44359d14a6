#include "cli/command_line.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace mxwarden::cli {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string_view>;

// Of words that must make sense.
Invocation parsed(const Words& words) {
  const auto line = parse_command_line(words);
  const auto* error = std::get_if<Error>(&line);
  REQUIRE_MESSAGE(std::holds_alternative<Invocation>(line), (error == nullptr ? "information" : error->message));
  return std::get<Invocation>(line);
}

std::string information(const Words& words) {
  const auto line = parse_command_line(words);
  REQUIRE(std::holds_alternative<Information>(line));
  return std::get<Information>(line).text;
}

std::string error(const Words& words) {
  const auto line = parse_command_line(words);
  REQUIRE(std::holds_alternative<Error>(line));
  return std::get<Error>(line).message;
}

}  // namespace

TEST_CASE("a command has what it takes, in any order") {
  const auto whole = Prefix::parse("192.0.2.0/24").value();
  for (const auto& words : {Words{"bans", "add", "192.0.2.0/24", "--for", "1h", "--reason", "spam", "--force"},
                            Words{"--reason=spam", "bans", "--force", "--for=60m", "add", "192.0.2.0/24"}}) {
    const auto ban = parsed(words);
    CHECK(ban.verb == Verb::add);
    CHECK(ban.kind == store::RecordKind::ban);
    CHECK(ban.net == whole);
    CHECK(ban.time == Duration(1h));
    CHECK(ban.reason == "spam");
    CHECK(ban.force);
    CHECK_FALSE(ban.json);
    CHECK(ban.control == "/run/mxwarden/control.sock");
  }
  const auto grant = parsed({"grants", "add", "2001:db8::1", "--login", "-anna=x"});
  CHECK(grant.kind == store::RecordKind::grant);
  CHECK(grant.login == "-anna=x");
  CHECK_FALSE(grant.time);
  const auto listing = parsed({"listings", "add", "192.0.2.1", "--list", "l", "--reason", "r", "--for", "90d"});
  CHECK(listing.kind == store::RecordKind::listing);
  CHECK(listing.list == "l");
  CHECK(parsed({"listings", "remove", "192.0.2.1"}).verb == Verb::remove);
  CHECK_FALSE(parsed({"grants", "list"}).net);
  CHECK(parsed({"bans", "list", "192.0.2.1"}).net == Prefix::parse("192.0.2.1").value());
  CHECK(parsed({"reload"}).verb == Verb::reload);
  const auto status = parsed({"--control", "/tmp/x", "--json", "status"});
  CHECK(status.verb == Verb::status);
  CHECK(status.control == "/tmp/x");
  CHECK(status.json);
}

TEST_CASE("tail takes what says which decisions, as the request has it") {
  CHECK(parsed({"tail"}).verb == Verb::tail);
  CHECK(parsed({"tail"}).filters.empty());
  const auto all = parsed({"tail", "--refused", "--client", "192.0.2.0/24", "--login=joe", "--json"});
  CHECK(all.json);
  using Filters = decltype(all.filters);
  CHECK(all.filters == Filters{{"client", "192.0.2.0/24"}, {"login", "joe"}, {"refused", ""}});
  CHECK(parsed({"tail", "--all", "--state", "RCPT", "--sender", "@a", "--recipient", "b@c", "--rule", "r", "--action",
                "421"})
            .filters.size() == 6);
  CHECK(error({"tail", "--client", "192.0.2.7/24"}).find("--client: ") == 0);
  CHECK(error({"tail", "--action", "421 4.7.0"}).find("first word") != std::string::npos);
  CHECK(error({"tail", "--sender", ""}).find("--sender must be text") == 0);
  CHECK(error({"tail", "now"}).find("is too much") != std::string::npos);
  CHECK(error({"status", "--refused"}).find("is not for status") != std::string::npos);
}

TEST_CASE("help is of all, of a noun, of one command; a mistake asks for it in vain") {
  const auto all = information({"--help"});
  CHECK(all == information({"-h"}));
  CHECK(all.starts_with("Usage: mxwarden [--control PATH] [--json] COMMAND\n"));
  CHECK(all.find("  grants add ADDR --login NAME [--for TIME]\n") != std::string::npos);
  const auto grants = information({"grants", "--help"});
  CHECK(grants.find("  grants remove ADDR\n") != std::string::npos);
  CHECK(grants.find("bans") == std::string::npos);
  const auto one = information({"grants", "add", "--help"});
  CHECK(one.starts_with("Usage: mxwarden grants add ADDR --login NAME [--for TIME]\n"));
  CHECK(one.find("[relay_grant] ttl") != std::string::npos);
  CHECK(error({"nonsense", "--help"}).find("is no command") != std::string::npos);
  CHECK(information({"--version"}) == "mxwarden " MXWARDEN_VERSION "\n");
}

TEST_CASE("bytes that are no text are shown, not obeyed") {
  CHECK(error({"bans\x1b[2J"}) ==
        "\"bans\\x1b[2J\" is no command: one of status, top, explain, tail, bans, grants, listings, reload");
  CHECK(error({"bans", "list", "\xFF"}) == "\"\\xff\" is not an IP address");
  CHECK(error({"bans", "list", "1\n2"}).find("`1\\x0a2' is not an IP address") != std::string::npos);
  CHECK(error({"--\x07"}) == "\"--\\x07\" is no option");
  CHECK(error({"bans", "add", "192.0.2.1", "--for", "1h", "--reason", "\xFF"}).starts_with("--reason must be text"));
}

TEST_CASE("top has its defaults, and says what it may be told") {
  const auto usual = parsed({"top"});
  CHECK(usual.verb == Verb::top);
  CHECK(usual.top_by == "rejected");
  CHECK(usual.most == 25);
  CHECK_FALSE(usual.since);
  const auto all = parsed({"top", "--by=login", "-n", "500", "--since", "90m", "--json"});
  CHECK(all.top_by == "login");
  CHECK(all.most == 500);
  CHECK(all.since == Duration(90min));
  CHECK(error({"top", "--by", "guessers"}) ==
        "--by \"guessers\" is unknown: one of rejected, rate, login, banned, network, bad-recipients");
  for (const auto* number : {"0", "10001", "-1", "many", "5x", "", "99999999999999999999"}) {
    CHECK(error({"top", "-n", number}) == "-n must be a number from 1 to 10000");
  }
  CHECK(parsed({"top", "--since", "1d"}).since == Duration(24h));
  CHECK(error({"top", "--since", "25h"}) == "--since can be 1d at most: nothing older is kept");
  CHECK(error({"top", "--since", "0s"}) == "--since: it must be longer than nothing");
  CHECK(error({"top", "--since", "1"}).starts_with("--since: "));
  CHECK(error({"top", "203.0.113.7"}).find("is too much") != std::string::npos);
  CHECK(error({"status", "-n", "5"}).find("-n is not for status") != std::string::npos);
}

TEST_CASE("bans can be listed for a router, and nothing else") {
  CHECK(parsed({"bans", "list", "--format", "nft"}).format == PerimeterFormat::nft);
  CHECK_FALSE(parsed({"bans", "list"}).format);
  CHECK(error({"bans", "list", "--format", "pf"}) ==
        "--format \"pf\" is unknown: one of plain, nft, iptables, ip6tables, cisco");
  CHECK(error({"bans", "list", "--json", "--format=plain"}) == "--format and --json exclude each other");
  CHECK(error({"grants", "list", "--format", "plain"}).starts_with("--format is not for grants list"));
}

}  // namespace mxwarden::cli
