#pragma once
// The kernel's table of TCP connections (sock_diag(7)), which any user may read: which SMTP sessions are there.

#include <cstdint>
#include <span>
#include <vector>

#include "base/file_descriptor.hpp"
#include "base/result.hpp"
#include "policy/client_socket.hpp"
#include "policy/tracker.hpp"

namespace mxwarden::server {

class TcpTable {
 public:
  virtual ~TcpTable() = default;

  // The connections of this network namespace that are established, or that the client has closed and the server has
  // not yet; IPv4 and IPv6, a mapped IPv4 address as IPv4. Each as its local end sees it: the remote end is the client.
  // Only those to one of the ports; without ports, all. The error says what the kernel refused, or that the table was
  // not read as a whole; `connections` is no truth then.
  virtual Result<void> read(std::span<const std::uint16_t> server_ports,
                            std::vector<policy::TcpConnection>& connections) = 0;
};

// One netlink socket, kept open from one reading to the next.
class KernelTcpTable final : public TcpTable {
 public:
  Result<void> read(std::span<const std::uint16_t> server_ports,
                    std::vector<policy::TcpConnection>& connections) override;

  // What the socket at this end of one connection shows.
  Result<policy::ClientSocket> find(const policy::TcpConnection& connection);

 private:
  Result<void> open();
  Result<void> dump(std::span<const std::uint16_t> server_ports, std::vector<policy::TcpConnection>& connections);
  Result<policy::ClientSocket> ask_about(const policy::TcpConnection& connection);
  Result<std::span<const char>> receive(std::span<char> room);

  FileDescriptor socket_;
  std::uint32_t questions_ = 0;
};

}  // namespace mxwarden::server
