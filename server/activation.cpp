#include "server/activation.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace mxwarden::server {
namespace {

bool same(const conf::Endpoint& one, const conf::Endpoint& other) {
  const auto* unix_one = std::get_if<conf::UnixEndpoint>(&one);
  const auto* unix_other = std::get_if<conf::UnixEndpoint>(&other);
  if (unix_one != nullptr || unix_other != nullptr) {
    return unix_one != nullptr && unix_other != nullptr && unix_one->path == unix_other->path;
  }
  const auto& inet_one = std::get<conf::InetEndpoint>(one);
  const auto& inet_other = std::get<conf::InetEndpoint>(other);
  return inet_one.address == inet_other.address && inet_one.port == inet_other.port;
}

}  // namespace

Result<std::vector<PassedSocket>> passed_sockets() {
  char** names = nullptr;
  const auto count = ::sd_listen_fds_with_names(1, &names);
  if (count < 0) return Error{fmt::format("sockets passed by systemd: {}", std::strerror(-count))};
  std::vector<PassedSocket> passed;
  Result<void> outcome;
  for (int at = 0; at < count; ++at) {
    const auto fd = SD_LISTEN_FDS_START + at;
    const auto endpoint = local_endpoint(fd);
    if (!endpoint || ::sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
      outcome = Error{fmt::format("descriptor {} passed by systemd is no listening stream socket", fd)};
    } else {
      passed.push_back({fd, names[at], *endpoint});
    }
    std::free(names[at]);
  }
  std::free(names);
  if (!outcome) return outcome.error();
  return passed;
}

Result<std::vector<NamedListener>> open_listeners(const std::vector<conf::Listen>& configured,
                                                  std::vector<PassedSocket> passed) {
  std::vector<NamedListener> listeners;
  for (const auto& listen : configured) {
    const auto match = std::ranges::find_if(
        passed, [&](const PassedSocket& socket) { return same(socket.endpoint, listen.endpoint); });
    if (match != passed.end()) {
      listeners.push_back({listen.name, ListeningSocket::adopt(match->fd)});
      passed.erase(match);
      continue;
    }
    auto opened = ListeningSocket::open(listen.endpoint);
    if (!opened) return opened.error();
    listeners.push_back({listen.name, std::move(*opened)});
  }
  for (auto& socket : passed) listeners.push_back({std::move(socket.name), ListeningSocket::adopt(socket.fd)});
  return listeners;
}

}  // namespace mxwarden::server
