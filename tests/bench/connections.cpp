// What a look at the kernel's TCP table costs, with real connections on loopback, each of a client of its own.
// Processor time of this thread, the kernel's part of it included.
//
//   bench_connections [connections [looks]]     2,000 connections, 500 looks
//
// `read` is the kernel's part and taking its answer apart, `look` what is made of it; the share of a core is that of
// two looks a second, and of the most that refusals can make of it, one each 50 ms.

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/file_descriptor.hpp"
#include "policy/connections.hpp"
#include "server/connection_watch.hpp"
#include "server/tcp_table.hpp"

using namespace mxwarden;

namespace {

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl((127U << 24U) + host);
  address.sin_port = htons(port);
  return address;
}

FileDescriptor tcp_socket(const sockaddr_in& own) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) fail("socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) fail("bind");
  return socket;
}

// Both ends of so many connections to one port.
class Connections {
 public:
  explicit Connections(std::uint32_t count) : listening_(tcp_socket(loopback(1, 0))) {
    const rlimit wanted{2ULL * count + 64, 2ULL * count + 64};
    if (::setrlimit(RLIMIT_NOFILE, &wanted) != 0) fail("setrlimit");
    if (::listen(listening_.get(), SOMAXCONN) != 0) fail("listen");
    auto server = loopback(1, 0);
    socklen_t size = sizeof server;
    if (::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&server), &size) != 0) fail("getsockname");
    port_ = ntohs(server.sin_port);
    for (std::uint32_t client = 0; client < count; ++client) {
      ends_.push_back(tcp_socket(loopback(256 + client, 0)));
      if (::connect(ends_.back().get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
        fail("connect");
      }
      ends_.emplace_back(::accept(listening_.get(), nullptr, nullptr));
      if (ends_.back().get() < 0) fail("accept");
    }
  }
  std::uint16_t port() const { return port_; }

 private:
  FileDescriptor listening_;
  std::uint16_t port_ = 0;
  std::vector<FileDescriptor> ends_;
};

}  // namespace

int main(int count, char** arguments) {
  const auto wanted = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 2000;
  const auto looks = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 500;
  const Connections open(static_cast<std::uint32_t>(wanted));
  const std::vector<std::uint16_t> ports{open.port()};

  server::KernelTcpTable kernel;
  policy::Connections connections(policy::Connections::Options{.seed = 42});
  std::vector<policy::TcpConnection> table;
  Instant now{std::chrono::hours(1)};
  double reading = 0;
  double all = 0;
  for (unsigned long at = 0; at < looks; ++at) {
    const auto begun = processor_seconds();
    if (const auto read = kernel.read(ports, table); !read) {
      std::fprintf(stderr, "%s\n", read.error().message.c_str());
      return 1;
    }
    reading += processor_seconds() - begun;
    connections.look(table, now += server::ConnectionWatch::look_interval);
    all += processor_seconds() - begun;
  }
  if (connections.connections() != wanted) {
    std::fprintf(stderr, "%zu of %lu connections were found\n", connections.connections(), wanted);
    return 1;
  }
  const auto each = all / static_cast<double>(looks);
  const auto share = [&](Duration interval) { return 100 * each / std::chrono::duration<double>(interval).count(); };
  std::printf("read    %.0f us\nlook    %.0f us\nall     %.0f us, with %zu connections\n",
              1e6 * reading / static_cast<double>(looks), 1e6 * (all - reading) / static_cast<double>(looks),
              1e6 * each, connections.connections());
  std::printf("a core  %.2f %% with two looks a second, %.2f %% with one each 50 ms\n",
              share(server::ConnectionWatch::look_interval), share(server::ConnectionWatch::longest_trusted));
}
