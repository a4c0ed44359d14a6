#pragma once
// What an error reply of Redis means, and what is to be done about it. Pure; the words are those that Redis 6 and 7
// send, provoked from a real server in the tests.

#include <cstdint>
#include <string_view>

namespace mxwarden::store {

enum class RedisRemedy : std::uint8_t {
  send_script,  // NOSCRIPT: the script is not known there any more; send this one call again as EVAL, once
  rest,       // LOADING, OOM, MISCONF, NOREPLICAS: it cannot count now; keep the connection, try again each half second
  reconnect,  // READONLY, MASTERDOWN, BUSY, UNBLOCKED, too many clients: another server, or the same one later
  wait_for_administrator,  // NOAUTH, WRONGPASS, NOPERM, a command denied by ACL: say it once, try again each 30 s
  none,                    // of this call alone: WRONGTYPE, a script error
};

struct RedisTrouble {
  RedisRemedy remedy = RedisRemedy::none;
  std::string_view advice;  // for an administrator, a sentence; may be empty
};

// `error` without the leading `-`, as Redis sends it; inside a script the same words may follow a prefix, or, in
// Redis 6, stand behind `ERR Error running script`.
RedisTrouble understand_redis_error(std::string_view error);

// A server that does not speak TLS may wait for more of what it does not understand.
constexpr std::string_view not_connected_in_time(bool tls) {
  return tls ? "the connection was not made in time, with TLS; does the server speak it on that port?"
             : "the connection was not made in time";
}

}  // namespace mxwarden::store
