#include "server/tcp_dump.hpp"

#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace mxwarden::server {
namespace {

// Of linux/tcp_states.h, as masks. A connection that the client has closed (CLOSE_WAIT) keeps its smtpd busy until that
// has closed it, too.
constexpr std::uint32_t established = 1U << 1;
constexpr std::uint32_t close_wait = 1U << 8;

template <class T>
void append(std::string& to, const T& part) {
  to.append(reinterpret_cast<const char*>(&part), sizeof part);
}

// A program for the kernel: each operation says how many bytes to go on if it holds (`yes`) and if not (`no`). To the
// end: the connection is wanted. Beyond it: it is not. A port to compare with follows its operation, in the place of
// `no` (net/ipv4/inet_diag.c).
std::string port_filter(std::span<const std::uint16_t> ports) {
  constexpr unsigned step = sizeof(inet_diag_bc_op);
  constexpr unsigned a_port = 3 * step;                                   // compare, the port, a jump to the end
  const auto size = static_cast<unsigned>(ports.size()) * a_port - step;  // behind the last is the end
  std::string program;
  for (const auto port : ports) {
    const auto left = size - static_cast<unsigned>(program.size());
    append(program, inet_diag_bc_op{INET_DIAG_BC_S_EQ, 2 * step, a_port});
    append(program, inet_diag_bc_op{INET_DIAG_BC_NOP, 0, port});
    if (left > a_port) append(program, inet_diag_bc_op{INET_DIAG_BC_JMP, step, static_cast<__u16>(left - 2 * step)});
  }
  return program;
}

Address address_of(int family, const __be32* words) {
  // A mapped IPv4 address, as a dual-stack listener sees one, is IPv4 in text and so in Address::parse; here by hand.
  constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto* bytes = reinterpret_cast<const unsigned char*>(words);
  if (family == AF_INET) return Address::from_bytes(Address::Family::ipv4, bytes);
  if (std::equal(mapped.begin(), mapped.end(), bytes)) {
    return Address::from_bytes(Address::Family::ipv4, bytes + mapped.size());
  }
  return Address::from_bytes(Address::Family::ipv6, bytes);
}

policy::TcpConnection to_connection(const inet_diag_msg& message) {
  return {address_of(message.idiag_family, message.id.idiag_dst), ntohs(message.id.idiag_dport),
          address_of(message.idiag_family, message.id.idiag_src), ntohs(message.id.idiag_sport)};
}

}  // namespace

std::string tcp_question(std::span<const std::uint16_t> server_ports, std::uint32_t number) {
  const auto filter = server_ports.empty() ? std::string() : port_filter(server_ports);
  const auto filter_size = filter.empty() ? 0 : NLA_HDRLEN + filter.size();
  nlmsghdr header{};
  header.nlmsg_len = static_cast<__u32>(NLMSG_LENGTH(sizeof(inet_diag_req)) + filter_size);
  header.nlmsg_type = TCPDIAG_GETSOCK;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header.nlmsg_seq = number;
  inet_diag_req body{};
  body.idiag_states = established | close_wait;
  std::string question;
  append(question, header);
  append(question, body);
  if (filter.empty()) return question;
  append(question, nlattr{static_cast<__u16>(filter_size), INET_DIAG_REQ_BYTECODE});
  return question + filter;
}

Result<bool> TcpDump::take(std::span<const char> datagram) {
  auto size = datagram.size();
  const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
  for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
    if (message->nlmsg_seq != number_) continue;  // the rest of an answer that was given up
    if (message->nlmsg_type == NLMSG_ERROR) {
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
      return Error{fmt::format("dump: {}", std::strerror(-error->error))};
    }
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) return Error{"dump: the table changed while it was read"};
    if (message->nlmsg_type == NLMSG_DONE) return true;
    if (message->nlmsg_type != TCPDIAG_GETSOCK || message->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) {
      continue;
    }
    connections_.push_back(to_connection(*static_cast<const inet_diag_msg*>(NLMSG_DATA(message))));
  }
  return false;
}

}  // namespace mxwarden::server
