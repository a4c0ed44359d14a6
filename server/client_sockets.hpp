#pragma once
// Looks at the socket of one SMTP client in the kernel's table, for [greet_pause]. Where the client's connection is not
// one of this host's (behind a proxy, or with Postfix in a network namespace of its own), none is ever found, and that
// is said once. One thread.

#include "base/clock.hpp"
#include "base/log.hpp"
#include "policy/client_socket.hpp"
#include "server/tcp_table.hpp"

namespace mxwarden::server {

class KernelClientSockets final : public policy::ClientSockets {
 public:
  // Both must outlive it.
  KernelClientSockets(const Clock& clock, KernelTcpTable& table) : clock_(clock), table_(table) {}

  policy::ClientSocket look(const policy::Request& request, const policy::View& view) override;

 private:
  // A client that has reset its connection is in no table either; so many of them, and none that is there, are
  // something else.
  static constexpr int misses_in_a_row = 10;

  void missed(const policy::Request& request);

  const Clock& clock_;
  KernelTcpTable& table_;
  int misses_ = 0;
  bool said_ = false;  // or it need not be
  log::RepeatedWarning failed_;
};

}  // namespace mxwarden::server
