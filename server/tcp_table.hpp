#pragma once
// The kernel's table of TCP connections (sock_diag(7)), which any user may read. At start it tells which SMTP sessions
// are there already.

#include <vector>

#include "base/result.hpp"
#include "policy/tracker.hpp"

namespace mxwarden::server {

// All established connections of this network namespace, IPv4 and IPv6; a mapped IPv4 address as IPv4. The remote end
// is the client. The error says what the kernel refused.
Result<std::vector<policy::TcpConnection>> read_tcp_table();

}  // namespace mxwarden::server
