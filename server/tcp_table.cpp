#include "server/tcp_table.hpp"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "server/tcp_dump.hpp"

namespace mxwarden::server {
namespace {

Error failure(std::string_view what) {
  return {fmt::format("reading the kernel's TCP table: {}", what)};
}

Error failure(std::string_view what, int error) {
  return failure(fmt::format("{}: {}", what, std::strerror(error)));
}

}  // namespace

Result<void> KernelTcpTable::open() {
  if (socket_.get() >= 0) return {};
  socket_ = FileDescriptor(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (socket_.get() < 0) return failure("socket", errno);
  // The kernel answers while it is asked; should it not, one reading fails.
  const timeval patience{2, 0};
  (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return {};
}

Result<void> KernelTcpTable::dump(std::span<const std::uint16_t> server_ports,
                                  std::vector<policy::TcpConnection>& connections) {
  const auto question = tcp_question(server_ports, ++questions_);
  if (::send(socket_.get(), question.data(), question.size(), 0) < 0) return failure("send", errno);
  TcpDump answer(questions_, connections);
  alignas(nlmsghdr) std::array<char, 32768> buffer;  // what the kernel fills at most
  while (true) {
    const auto received = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return failure("receive", errno);
    const auto complete = answer.take({buffer.data(), static_cast<std::size_t>(received)});
    if (!complete) return failure(complete.error().message);
    if (*complete) return {};
  }
}

Result<void> KernelTcpTable::read(std::span<const std::uint16_t> server_ports,
                                  std::vector<policy::TcpConnection>& connections) {
  connections.clear();
  if (const auto opened = open(); !opened) return opened.error();
  auto read = dump(server_ports, connections);
  // What is left of a dump that failed goes with its socket.
  if (!read) socket_.close();
  return read;
}

}  // namespace mxwarden::server
