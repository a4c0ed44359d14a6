#pragma once
// Where a policy connection came in.

#include <cstdint>
#include <string_view>

namespace mxwarden::server {

struct Entrance {
  std::string_view listener;  // its name; outlives the connection
  bool is_tcp = false;
  std::uint32_t peer_pid = 0;  // of smtpd, on a unix socket (SO_PEERCRED); else 0
};

}  // namespace mxwarden::server
