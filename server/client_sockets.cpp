#include "server/client_sockets.hpp"

#include <fmt/format.h>

#include "base/escape.hpp"

namespace mxwarden::server {

using policy::ClientSocket;

ClientSocket KernelClientSockets::look(const policy::Request& request, const policy::View& view) {
  const auto connection = policy::connection_of(request, view);
  if (connection) {
    const auto found = table_.find(*connection);
    if (!found) {
      failed_.warn(found.error().message + "; greet_pause lets pass meanwhile", clock_.now());
      return ClientSocket::not_here;
    }
    if (*found != ClientSocket::not_here) {
      said_ = true;  // it has an effect: there is nothing to warn of
      return *found;
    }
  }
  missed(request);
  return ClientSocket::not_here;
}

void KernelClientSockets::missed(const policy::Request& request) {
  if (said_ || ++misses_ < misses_in_a_row) return;
  said_ = true;
  log::warn(fmt::format(
      "greet_pause has no effect: none of the last {} connections, as {} port {} to {} port {}, is in the "
      "kernel's TCP table (behind a proxy, after XCLIENT, or without the kernel's tcp_diag): nobody waits, nobody is "
      "refused",
      misses_in_a_row, quoted(request[Attribute::client_address]), quoted(request[Attribute::client_port]),
      quoted(request[Attribute::server_address]), quoted(request[Attribute::server_port])));
}

}  // namespace mxwarden::server
