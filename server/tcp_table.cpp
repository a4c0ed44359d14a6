#include "server/tcp_table.hpp"

#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace mxwarden::server {
namespace {

using policy::TcpConnection;

constexpr std::uint32_t established = 1U << 1;  // TCP_ESTABLISHED of linux/tcp_states.h, as a mask

class NetlinkSocket {
 public:
  NetlinkSocket() : fd_(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {}
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;
  ~NetlinkSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Error failure(const char* what, int error) {
  return {fmt::format("reading the kernel's TCP table: {}: {}", what, std::strerror(error))};
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

Result<void> ask(int fd, int family) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 body;
  } question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.body.sdiag_family = static_cast<__u8>(family);
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_states = established;
  if (::send(fd, &question, sizeof question, 0) < 0) return failure("send", errno);
  return {};
}

TcpConnection to_connection(const inet_diag_msg& message) {
  return {address_of(message.idiag_family, message.id.idiag_dst), ntohs(message.id.idiag_dport),
          address_of(message.idiag_family, message.id.idiag_src), ntohs(message.id.idiag_sport)};
}

// True once the dump is complete.
Result<bool> take_messages(const nlmsghdr* message, std::size_t size, std::vector<TcpConnection>& connections) {
  for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
    if (message->nlmsg_type == NLMSG_DONE) return true;
    if (message->nlmsg_type == NLMSG_ERROR) {
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
      return failure("dump", -error->error);
    }
    if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || message->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) {
      continue;
    }
    connections.push_back(to_connection(*static_cast<const inet_diag_msg*>(NLMSG_DATA(message))));
  }
  return false;
}

Result<void> dump(int fd, int family, std::vector<TcpConnection>& connections) {
  if (const auto asked = ask(fd, family); !asked) return asked.error();
  alignas(nlmsghdr) std::array<char, 32768> buffer;  // what the kernel fills at most
  while (true) {
    const auto received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return failure("receive", errno);
    const auto complete = take_messages(reinterpret_cast<const nlmsghdr*>(buffer.data()),
                                        static_cast<std::size_t>(received), connections);
    if (!complete) return complete.error();
    if (*complete) return {};
  }
}

}  // namespace

Result<std::vector<policy::TcpConnection>> read_tcp_table() {
  const NetlinkSocket socket;
  if (socket.fd() < 0) return failure("socket", errno);
  // The kernel answers at once; should it not, the start goes on without.
  const timeval patience{2, 0};
  (void)::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::vector<TcpConnection> connections;
  for (const auto family : {AF_INET, AF_INET6}) {
    if (const auto read = dump(socket.fd(), family, connections); !read) return read.error();
  }
  return connections;
}

}  // namespace mxwarden::server
