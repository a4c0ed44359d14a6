#include "store/redis_error.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mxwarden::store {
namespace {

struct Row {
  std::string_view words;  // how the error begins, to the end of a word
  RedisTrouble trouble;
};

constexpr auto rest = RedisRemedy::rest;
constexpr auto reconnect = RedisRemedy::reconnect;
constexpr auto administrator = RedisRemedy::wait_for_administrator;

constexpr std::string_view no_cluster = "Redis Cluster is not supported yet: name a server without cluster mode";
constexpr std::string_view wrong_login = "Redis refuses the user and the password: compare them with its configuration";
constexpr std::string_view no_password_there = "a password is set, but Redis has none for this user: compare both";
constexpr std::string_view denied_by_acl = "the ACL of Redis denies this user a command or a key that is needed";
constexpr std::string_view unknown_command = "Redis does not know a command: it is too old, or the command was renamed";

constexpr Row rows[] = {
    {"NOSCRIPT", {RedisRemedy::send_script, {}}},

    {"LOADING", {rest, "Redis is still loading its data"}},
    {"OOM", {rest, "Redis is full: raise its `maxmemory`, or set `maxmemory-policy volatile-ttl`"}},
    {"MISCONF", {rest, "Redis refuses to write since it could not save to disk: its log says why"}},
    {"NOREPLICAS", {rest, "Redis refuses to write while fewer replicas follow than `min-replicas-to-write`"}},

    {"READONLY", {reconnect, "the server is a replica"}},
    {"MASTERDOWN", {reconnect, "the server is a replica and has lost its master"}},
    {"BUSY", {reconnect, "a script keeps Redis busy: `SCRIPT KILL` ends it"}},
    {"UNKILLABLE", {reconnect, "a script that has written keeps Redis busy"}},
    {"UNBLOCKED", {reconnect, "the server has become a replica"}},
    {"max number of clients", {reconnect, "Redis has as many clients as its `maxclients` admits"}},

    {"NOAUTH", {administrator, "Redis asks for a password"}},
    {"WRONGPASS", {administrator, wrong_login}},
    {"invalid password", {administrator, wrong_login}},  // before Redis 6
    {"AUTH <password> called without any password", {administrator, no_password_there}},
    {"Client sent AUTH, but no password is set", {administrator, no_password_there}},  // before Redis 6
    {"wrong number of arguments for 'auth'", {administrator, "Redis knows no users: it is older than 6"}},
    {"NOPERM", {administrator, denied_by_acl}},
    {"The user executing the script can't", {administrator, denied_by_acl}},
    {"DENIED", {administrator, "Redis is in protected mode: set a password there, or have it listen otherwise"}},
    {"DB index is out of range", {administrator, "Redis has fewer databases than the number set here"}},
    {"unknown command", {administrator, unknown_command}},
    {"Unknown Redis command called from", {administrator, unknown_command}},

    {"MOVED", {administrator, no_cluster}},
    {"ASK", {administrator, no_cluster}},
    {"TRYAGAIN", {administrator, no_cluster}},
    {"CROSSSLOT", {administrator, no_cluster}},
    {"CLUSTERDOWN", {administrator, no_cluster}},
    {"SELECT is not allowed in cluster mode", {administrator, no_cluster}},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_alphanumeric(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// `Error running script (call to f_DIGEST): ` of Redis 6.
void take_wrapping(std::string_view& text) {
  constexpr std::string_view end = "): ";
  if (!text.starts_with("Error running script (")) return;
  if (const auto at = text.find(end); at != text.npos) text.remove_prefix(at + end.size());
}

// `@user_script:3: `, as Lua writes it, or `@user_script: 3: `, as Redis 6 does.
bool take_place(std::string_view& text) {
  std::string_view rest_of_it = text;
  take(rest_of_it, "@");
  if (!take(rest_of_it, "user_script:")) return false;
  take(rest_of_it, " ");
  const auto digits = std::ranges::find_if_not(rest_of_it, is_digit) - rest_of_it.begin();
  rest_of_it.remove_prefix(static_cast<std::size_t>(digits));
  if (digits == 0 || !take(rest_of_it, ": ")) return false;
  text = rest_of_it;
  return true;
}

// The error without what tells where in a script it came up, and without the code that says nothing.
std::string_view words_of(std::string_view error) {
  take(error, "ERR ");
  take_wrapping(error);
  while (take_place(error)) continue;
  take(error, "-");
  take(error, "ERR ");
  return error;
}

bool begins(std::string_view text, std::string_view words) {
  return take(text, words) && (text.empty() || !is_alphanumeric(text.front()));
}

}  // namespace

RedisTrouble understand_redis_error(std::string_view error) {
  const auto words = words_of(error);
  const auto* row = std::ranges::find_if(rows, [&](const Row& known) { return begins(words, known.words); });
  return row != std::end(rows) ? row->trouble : RedisTrouble{};
}

}  // namespace mxwarden::store
