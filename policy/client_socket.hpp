#pragma once
// What the socket of an SMTP client shows before anything was said to it. The daemon's shows what the kernel has, a
// test's what it likes.

#include <cstdint>
#include <optional>

#include "policy/request.hpp"
#include "policy/tracker.hpp"

namespace mxwarden::policy {

enum class ClientSocket : std::uint8_t {
  none,      // nobody has looked
  silent,    // the client is there, and has said nothing
  talked,    // it has said something
  gone,      // it has hung up, and had said nothing
  not_here,  // its connection is not one of this host's, or the kernel does not say
};

// Asked of a client that was not greeted yet.
class ClientSockets {
 public:
  virtual ~ClientSockets() = default;
  // At once, whatever it costs; never `none`.
  virtual ClientSocket look(const Request& request, const View& view) = 0;
};

// The connection that a request names; nothing: it lacks an end, as after XCLIENT.
std::optional<TcpConnection> connection_of(const Request& request, const View& view);

}  // namespace mxwarden::policy
