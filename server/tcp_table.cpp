#include "server/tcp_table.hpp"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "server/tcp_dump.hpp"
#include "server/tcp_question.hpp"

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
    const auto received = receive(buffer);
    if (!received) return received.error();
    const auto complete = answer.take(*received);
    if (!complete) return failure(complete.error().message);
    if (*complete) return {};
  }
}

Result<policy::ClientSocket> KernelTcpTable::ask_about(const policy::TcpConnection& connection) {
  const auto question = tcp_question_about(connection, ++questions_);
  if (::send(socket_.get(), question.data(), question.size(), 0) < 0) return failure("send", errno);
  alignas(nlmsghdr) std::array<char, 4096> buffer;
  while (true) {
    const auto received = receive(buffer);
    if (!received) return received.error();
    const auto answer = take_tcp_answer(*received, connection, questions_);
    if (!answer) return failure(answer.error().message);
    if (*answer) return **answer;
  }
}

// One datagram.
Result<std::span<const char>> KernelTcpTable::receive(std::span<char> room) {
  while (true) {
    const auto received = ::recv(socket_.get(), room.data(), room.size(), 0);
    if (received >= 0) return std::span<const char>(room.data(), static_cast<std::size_t>(received));
    if (errno != EINTR) return failure("receive", errno);
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

Result<policy::ClientSocket> KernelTcpTable::find(const policy::TcpConnection& connection) {
  if (connection.client.is_ipv4() != connection.server.is_ipv4()) return policy::ClientSocket::not_here;
  if (const auto opened = open(); !opened) return opened.error();
  auto found = ask_about(connection);
  if (!found) socket_.close();
  return found;
}

}  // namespace mxwarden::server
