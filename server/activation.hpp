#pragma once
// Sockets that systemd opened and hands over (sd_listen_fds(3)), so that connections wait instead of failing while the
// daemon restarts.

#include <string>
#include <vector>

#include "base/result.hpp"
#include "conf/settings.hpp"
#include "server/listening_socket.hpp"

namespace mxwarden::server {

struct PassedSocket {
  int fd = -1;
  std::string name;  // FileDescriptorName= of the socket unit
  conf::Endpoint endpoint;
};

// Asks systemd's environment once, and clears it. A descriptor that is no listening stream socket is an error.
Result<std::vector<PassedSocket>> passed_sockets();

struct NamedListener {
  std::string name;
  ListeningSocket socket;
};

// A passed socket serves in place of the configured listener with its address, under that one's name; one that matches
// none is served under its own. Configured ones without a passed socket are opened.
Result<std::vector<NamedListener>> open_listeners(const std::vector<conf::Listen>& configured,
                                                  std::vector<PassedSocket> passed);

}  // namespace mxwarden::server
