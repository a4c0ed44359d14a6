#include "server/tcp_question.hpp"

#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>

namespace mxwarden::server {
namespace {

using policy::ClientSocket;

constexpr std::uint32_t number = 7;

const policy::TcpConnection connection{*Address::parse("192.0.2.7"), 4711, *Address::parse("192.0.2.25"), 25};

template <class T>
void append(std::string& to, const T& part) {
  to.append(reinterpret_cast<const char*>(&part), sizeof part);
}

// A socket as the kernel shows it.
struct Socket {
  std::uint8_t state = 1;
  std::uint32_t unread = 0;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::size_t info_size = sizeof(tcp_info);
  std::uint16_t client_port = 4711;
};

std::string message(std::uint16_t type, const std::string& body, std::uint32_t of = number) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<__u32>(NLMSG_LENGTH(body.size()));
  header.nlmsg_type = type;
  header.nlmsg_seq = of;
  std::string text;
  append(text, header);
  return text + body;
}

std::string shown(const Socket& socket, std::uint32_t of = number) {
  inet_diag_msg body{};
  body.idiag_family = AF_INET;
  body.idiag_state = socket.state;
  body.id.idiag_dport = htons(socket.client_port);
  body.id.idiag_sport = htons(25);
  body.idiag_rqueue = socket.unread;
  tcp_info info{};
  info.tcpi_bytes_received = socket.received;
  info.tcpi_bytes_sent = socket.sent;
  std::string text;
  append(text, body);
  append(text, nlattr{static_cast<__u16>(NLA_HDRLEN + socket.info_size), INET_DIAG_INFO});
  text.append(reinterpret_cast<const char*>(&info), socket.info_size);
  return message(SOCK_DIAG_BY_FAMILY, text, of);
}

std::string refusal(int error) {
  nlmsgerr body{};
  body.error = -error;
  std::string text;
  append(text, body);
  return message(NLMSG_ERROR, text);
}

Result<std::optional<ClientSocket>> take(const std::string& datagram) {
  return take_tcp_answer({datagram.data(), datagram.size()}, connection, number);
}

}  // namespace

TEST_CASE("what a socket shows follows from its state first, and then from what has come and gone") {
  struct Row {
    const char* label;
    Socket socket;
    ClientSocket shows;
  };
  for (const auto& row :
       {Row{"nothing has come", {}, ClientSocket::silent},
        Row{"bytes that nobody has read", {.unread = 8, .received = 8}, ClientSocket::talked},
        Row{"bytes that Postfix has read", {.received = 8}, ClientSocket::talked},
        Row{"TLS before that", {.received = 300, .sent = 2000}, ClientSocket::silent},
        Row{"bytes after TLS", {.unread = 20, .received = 300, .sent = 2000}, ClientSocket::talked},
        Row{"closed", {.state = 8, .unread = 1, .received = 1}, ClientSocket::gone},
        Row{"closed, and the end read", {.state = 8}, ClientSocket::gone},
        Row{"talked and closed", {.state = 8, .unread = 9, .received = 9}, ClientSocket::talked},
        Row{"talked and closed, and read", {.state = 8, .unread = 1, .received = 9}, ClientSocket::talked},
        Row{"a kernel that counts less",
            {.received = 8, .info_size = offsetof(tcp_info, tcpi_bytes_received)},
            ClientSocket::silent},
        Row{"FIN_WAIT1", {.state = 4}, ClientSocket::gone}, Row{"TIME_WAIT", {.state = 6}, ClientSocket::gone},
        Row{"LISTEN", {.state = 10}, ClientSocket::not_here},
        Row{"another", {.client_port = 0}, ClientSocket::not_here}}) {
    CAPTURE(row.label);
    CHECK(take(shown(row.socket)).value() == row.shows);
  }
}

TEST_CASE("what the kernel refuses is said, but not that there is no such connection") {
  CHECK(take(refusal(ENOENT)).value() == ClientSocket::not_here);
  const auto refused = take(refusal(EPERM));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message == "look-up: Operation not permitted");
}

TEST_CASE("the answer to another question is passed over, and one that is cut off is none") {
  CHECK(take(shown({}, number - 1)).value() == std::nullopt);
  CHECK(take("").value() == std::nullopt);
  const auto whole = shown({.received = 8});
  const auto least = NLMSG_LENGTH(sizeof(inet_diag_msg));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    auto cut = whole.substr(0, size);
    CHECK(take(cut).value() == std::nullopt);
    if (size < sizeof(nlmsghdr)) continue;
    reinterpret_cast<nlmsghdr*>(cut.data())->nlmsg_len = static_cast<__u32>(size);
    CHECK(take(cut).has_value() == (size >= least));
  }
}

}  // namespace mxwarden::server
