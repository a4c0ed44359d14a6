#pragma once
// Where the bench's server listens and its load goes: inet:ADDR:PORT (IPv6 in brackets) or unix:/path, as in
// `[server] listen`.

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mxwarden::bench {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string path;  // unix only

  static Result<Endpoint> parse(std::string_view text);
  bool is_inet() const { return path.empty(); }
};

// Both return a non-blocking descriptor, which the caller owns. A file that stands at a unix path is removed first.
Result<int> listen_at(const Endpoint& endpoint);
Result<int> connect_to(const Endpoint& endpoint);

// A request and its answer are one segment each: nothing is gained by waiting for more.
void send_at_once(int fd);

// What errno says about what was being done.
Error system_error(std::string_view doing);

}  // namespace mxwarden::bench
