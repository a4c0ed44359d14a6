#include "policy/client_socket.hpp"

#include <limits>

namespace mxwarden::policy {
namespace {

// 0: there is none.
std::uint16_t port_of(std::string_view text) {
  const auto number = to_number(text);
  return number > std::numeric_limits<std::uint16_t>::max() ? std::uint16_t{0} : static_cast<std::uint16_t>(number);
}

}  // namespace

std::optional<TcpConnection> connection_of(const Request& request, const View& view) {
  const auto client_port = port_of(request[Attribute::client_port]);
  const auto server_port = port_of(request[Attribute::server_port]);
  const auto server = Address::parse(request[Attribute::server_address]);
  if (!view.client || !server || client_port == 0 || server_port == 0) return std::nullopt;
  return TcpConnection{*view.client, client_port, *server, server_port};
}

}  // namespace mxwarden::policy
