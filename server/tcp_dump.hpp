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

// The connections of a family (AF_INET, AF_INET6) to one of the ports at this end; without ports, all. The kernel picks
// them, so that it need not copy the others. At most most_server_ports.
inline constexpr std::size_t most_server_ports = 64;
std::string tcp_question(int family, std::span<const std::uint16_t> server_ports, std::uint32_t number);

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
