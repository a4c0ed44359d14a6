#pragma once
// What is asked of the kernel about its TCP connections, and its answer taken apart (sock_diag(7), linux/inet_diag.h).
// Bytes in, bytes out: server/tcp_table.hpp has the socket.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "policy/tracker.hpp"

namespace mxwarden::server {

// All connections, of IPv4 and IPv6, to one of the ports at this end; without ports, all. The kernel picks them, so
// that it need not copy the others. At most most_server_ports.
//
// This is TCPDIAG_GETSOCK, the older form of the question: the newer one (SOCK_DIAG_BY_FAMILY) is about one family at a
// time, and most of the cost is the kernel's way through its whole table, a quarter of a million places on a host with
// 24 GB, which would be gone twice.
inline constexpr std::size_t most_server_ports = 64;
std::string tcp_question(std::span<const std::uint16_t> server_ports, std::uint32_t number);

class TcpDump {
 public:
  // `number`: of the question that is answered.
  TcpDump(std::uint32_t number, std::vector<policy::TcpConnection>& connections)
      : number_(number), connections_(connections) {}

  // What one receive has brought. True once the dump is complete; the error says what the kernel refused, or that the
  // table changed while it was read.
  Result<bool> take(std::span<const char> datagram);

 private:
  std::uint32_t number_;
  std::vector<policy::TcpConnection>& connections_;
};

}  // namespace mxwarden::server
