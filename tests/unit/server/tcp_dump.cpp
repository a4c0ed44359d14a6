#include "server/tcp_dump.hpp"

#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <cstring>

namespace mxwarden::server {
namespace {

// A message as the kernel sends it.
template <class Body>
std::string message(std::uint16_t type, std::uint32_t number, const Body& body, std::uint16_t flags = NLM_F_MULTI) {
  nlmsghdr header{};
  header.nlmsg_len = NLMSG_LENGTH(sizeof body);
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = number;
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text.append(reinterpret_cast<const char*>(&body), sizeof body);
  text.resize(NLMSG_ALIGN(text.size()));
  return text;
}

std::string shown(std::uint32_t number, std::uint16_t client_port, std::uint16_t flags = NLM_F_MULTI) {
  inet_diag_msg body{};
  body.idiag_family = AF_INET;
  body.id.idiag_dst[0] = htonl(0xc0000207);  // 192.0.2.7
  body.id.idiag_dport = htons(client_port);
  body.id.idiag_src[0] = htonl(0xc0000219);  // 192.0.2.25
  body.id.idiag_sport = htons(25);
  return message(TCPDIAG_GETSOCK, number, body, flags);
}

std::string done(std::uint32_t number, std::uint16_t flags = NLM_F_MULTI) {
  return message(NLMSG_DONE, number, 0, flags);
}

Result<bool> take(TcpDump& dump, const std::string& datagram) {
  return dump.take({datagram.data(), datagram.size()});
}

}  // namespace

TEST_CASE("a dump is complete when its end has come, in however many parts") {
  std::vector<policy::TcpConnection> connections;
  TcpDump dump(7, connections);
  CHECK(take(dump, shown(7, 1000) + shown(7, 1001)).value() == false);
  CHECK(take(dump, shown(7, 1002)).value() == false);
  CHECK(take(dump, done(7)).value() == true);
  REQUIRE(connections.size() == 3);
  CHECK(connections[2].client.to_string() == "192.0.2.7");
  CHECK(connections[2].client_port == 1002);
  CHECK(connections[2].server.to_string() == "192.0.2.25");
  CHECK(connections[2].server_port == 25);
}

TEST_CASE("what is left of another answer is passed over") {
  std::vector<policy::TcpConnection> connections;
  TcpDump dump(8, connections);
  CHECK(take(dump, shown(7, 1000) + done(7)).value() == false);
  CHECK(take(dump, shown(8, 1001) + done(8)).value() == true);
  REQUIRE(connections.size() == 1);
  CHECK(connections[0].client_port == 1001);
}

TEST_CASE("a dump during which the table changed is none, wherever the kernel says so") {
  for (const auto& part : {shown(7, 1000, NLM_F_MULTI | NLM_F_DUMP_INTR), done(7, NLM_F_MULTI | NLM_F_DUMP_INTR)}) {
    std::vector<policy::TcpConnection> connections;
    TcpDump dump(7, connections);
    const auto taken = take(dump, part);
    REQUIRE_FALSE(taken.has_value());
    CHECK(taken.error().message == "dump: the table changed while it was read");
  }
}

TEST_CASE("what the kernel refuses is said") {
  std::vector<policy::TcpConnection> connections;
  TcpDump dump(7, connections);
  nlmsgerr refusal{};
  refusal.error = -EPERM;
  const auto taken = take(dump, message(NLMSG_ERROR, 7, refusal, 0));
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().message == "dump: Operation not permitted");
}

TEST_CASE("a message that is cut off, or none of ours, is no connection") {
  std::vector<policy::TcpConnection> connections;
  TcpDump dump(7, connections);
  const auto whole = shown(7, 1000);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(take(dump, whole.substr(0, size)).value() == false);
  }
  CHECK(take(dump, message(TCPDIAG_GETSOCK, 7, std::uint64_t{0})).value() == false);
  CHECK(take(dump, message(NLMSG_NOOP, 7, inet_diag_msg{})).value() == false);
  CHECK(connections.empty());
}

}  // namespace mxwarden::server
