#include "server/tcp_question.hpp"

#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mxwarden::server {
namespace {

using policy::ClientSocket;

// Of linux/tcp_states.h.
enum State : std::uint8_t { established = 1, syn_received = 3, close_wait = 8, listening = 10, new_syn_received = 12 };

void put_address(const Address& address, __be32* words) {
  std::memcpy(words, address.bytes().data(), address.bytes().size());
}

// What is known beyond the message itself; zeros where the kernel is older than the field.
tcp_info info_of(const nlmsghdr& message) {
  tcp_info info{};
  const auto* rest = reinterpret_cast<const char*>(&message) + NLMSG_SPACE(sizeof(inet_diag_msg));
  auto left = message.nlmsg_len - std::min<std::size_t>(message.nlmsg_len, NLMSG_SPACE(sizeof(inet_diag_msg)));
  while (left >= sizeof(nlattr)) {
    nlattr attribute{};
    std::memcpy(&attribute, rest, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > left) break;
    if (attribute.nla_type == INET_DIAG_INFO) {
      std::memcpy(&info, rest + NLA_HDRLEN, std::min<std::size_t>(attribute.nla_len - NLA_HDRLEN, sizeof info));
    }
    const auto size = std::min<std::size_t>(NLA_ALIGN(attribute.nla_len), left);
    rest += size;
    left -= size;
  }
  return info;
}

// Bytes of the client, the end that it has sent counting as one.
std::uint64_t said(const inet_diag_msg& socket, const tcp_info& info) {
  // Postfix (3.7.6 and later) takes what has come before it began with the connection out of the kernel, which still
  // knows how many bytes came in all. But where the server has said something, as for TLS or as postscreen does, the
  // client may have answered that.
  const bool greeted = info.tcpi_bytes_sent > 0 || info.tcpi_bytes_acked > 0 || socket.idiag_wqueue > 0;
  return greeted ? socket.idiag_rqueue : std::max<std::uint64_t>(socket.idiag_rqueue, info.tcpi_bytes_received);
}

ClientSocket shown_by(const inet_diag_msg& socket, const tcp_info& info) {
  switch (socket.idiag_state) {
    case established:
      return said(socket, info) > 0 ? ClientSocket::talked : ClientSocket::silent;
    case close_wait:
      return said(socket, info) > 1 ? ClientSocket::talked : ClientSocket::gone;
    case listening:
    case syn_received:
    case new_syn_received:
      return ClientSocket::not_here;
    default:
      return ClientSocket::gone;
  }
}

}  // namespace

std::string tcp_question_about(const policy::TcpConnection& connection, std::uint32_t number) {
  struct {
    nlmsghdr header{};
    inet_diag_req_v2 body{};
  } question;
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.header.nlmsg_seq = number;
  question.body.sdiag_family = connection.client.is_ipv4() ? AF_INET : AF_INET6;
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_ext = 1U << (INET_DIAG_INFO - 1U);
  question.body.idiag_states = ~0U;
  auto& id = question.body.id;
  id.idiag_sport = htons(connection.server_port);
  id.idiag_dport = htons(connection.client_port);
  put_address(connection.server, id.idiag_src);
  put_address(connection.client, id.idiag_dst);
  std::ranges::fill(id.idiag_cookie, INET_DIAG_NOCOOKIE);
  return {reinterpret_cast<const char*>(&question), sizeof question};
}

Result<std::optional<ClientSocket>> take_tcp_answer(std::span<const char> datagram,
                                                    const policy::TcpConnection& connection, std::uint32_t number) {
  const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
  if (!NLMSG_OK(message, datagram.size()) || message->nlmsg_seq != number) return std::optional<ClientSocket>();
  if (message->nlmsg_type == NLMSG_ERROR) {
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) return Error{"look-up: the answer is too short"};
    const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
    if (error->error == -ENOENT) return std::optional(ClientSocket::not_here);
    return Error{fmt::format("look-up: {}", std::strerror(-error->error))};
  }
  if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || message->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) {
    return Error{"look-up: the answer is none"};
  }
  const auto* socket = static_cast<const inet_diag_msg*>(NLMSG_DATA(message));
  // Where there is no such connection, the kernel shows the socket that listens there.
  const bool same = socket->id.idiag_dport == htons(connection.client_port) &&
                    socket->id.idiag_sport == htons(connection.server_port);
  return std::optional(same ? shown_by(*socket, info_of(*message)) : ClientSocket::not_here);
}

}  // namespace mxwarden::server
