#include "server/listener.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "server/activation.hpp"
#include "unit/server/wire.hpp"

namespace mxwarden::server {
namespace {

class Folder {
 public:
  Folder() {
    std::string made = std::filesystem::temp_directory_path() / "mxwarden-XXXXXX";
    REQUIRE(::mkdtemp(made.data()) != nullptr);
    path_ = made;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

Wire connect_to(const conf::Endpoint& endpoint) {
  if (const auto* path = std::get_if<conf::UnixEndpoint>(&endpoint)) {
    Wire wire(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path->path.data(), path->path.size());
    REQUIRE(::connect(wire.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return wire;
  }
  const auto& inet = std::get<conf::InetEndpoint>(endpoint);
  sockaddr_storage storage{};
  if (inet.address.is_ipv4()) {
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(inet.port);
    std::memcpy(&address.sin_addr, inet.address.bytes().data(), 4);
  } else {
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(inet.port);
    std::memcpy(&address.sin6_addr, inet.address.bytes().data(), 16);
  }
  Wire wire(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(wire.fd(), reinterpret_cast<const sockaddr*>(&storage), sizeof storage) == 0);
  return wire;
}

conf::Endpoint inet(const char* address, std::uint16_t port = 0) {
  return conf::InetEndpoint{*Address::parse(address), port};
}

// A listener and what it accepted.
struct Door {
  explicit Door(ListeningSocket listening)
      : listener(context, clock, std::move(listening), "door", [this](FileDescriptor socket, const Entrance& entrance) {
          sockets.push_back(std::move(socket));
          entrances.push_back(entrance);
        }) {
    listener.start();
  }
  conf::Endpoint endpoint() const { return *local_endpoint(listener.fd()); }
  void poll() {
    context.restart();
    context.poll();
  }

  boost::asio::io_context context{1};
  ManualClock clock;
  std::vector<FileDescriptor> sockets;
  std::vector<Entrance> entrances;
  Listener listener;
};

// No descriptor can be had while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const auto lowest_free = ::dup(0);
    ::close(lowest_free);
    const rlimit none{static_cast<rlim_t>(lowest_free), before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("connections come in over IPv4, IPv6 and unix, and say so") {
  const Folder folder;
  struct Row {
    const char* label;
    conf::Endpoint endpoint;
    bool is_tcp;
    std::uint32_t pid;
  };
  for (const auto& row :
       {Row{"IPv4", inet("127.0.0.1"), true, 0}, Row{"IPv6", inet("::1"), true, 0},
        Row{"unix", conf::UnixEndpoint{folder / "s", 0660}, false, static_cast<std::uint32_t>(::getpid())}}) {
    CAPTURE(row.label);
    auto opened = ListeningSocket::open(row.endpoint);
    REQUIRE(opened.has_value());
    Door door(std::move(*opened));
    const auto one = connect_to(door.endpoint());
    const auto two = connect_to(door.endpoint());
    door.poll();
    REQUIRE(door.entrances.size() == 2);
    CHECK(door.entrances[0].listener == "door");
    CHECK(door.entrances[0].is_tcp == row.is_tcp);
    CHECK(door.entrances[0].peer_pid == row.pid);
  }
}

TEST_CASE("an IPv6 listener leaves the port free for IPv4") {
  auto ipv6 = ListeningSocket::open(inet("::"));
  REQUIRE(ipv6.has_value());
  const auto port = std::get<conf::InetEndpoint>(*local_endpoint(ipv6->fd())).port;
  CHECK(ListeningSocket::open(inet("0.0.0.0", port)).has_value());
}

TEST_CASE("without descriptors accepting pauses, and goes on when there are some again") {
  auto opened = ListeningSocket::open(inet("127.0.0.1"));
  REQUIRE(opened.has_value());
  Door door(std::move(*opened));
  const auto client = connect_to(door.endpoint());
  {
    const NoDescriptors none;
    door.poll();
    CHECK(door.listener.pausing());
    CHECK(door.sockets.empty());
    CHECK(door.context.poll_one() == 0);
  }
  // The pause of 100 ms.
  door.context.restart();
  door.context.run_one();
  CHECK(door.sockets.size() == 1);
  CHECK_FALSE(door.listener.pausing());
}

TEST_CASE("a closed listener refuses, and removes its unix socket") {
  const Folder folder;
  const auto path = folder / "s";
  auto opened = ListeningSocket::open(conf::UnixEndpoint{path, 0660});
  REQUIRE(opened.has_value());
  Door door(std::move(*opened));
  CHECK(std::filesystem::is_socket(path));
  door.listener.close();
  door.poll();
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a unix socket has the mode that was asked for") {
  const Folder folder;
  for (const unsigned mode : {0600U, 0660U, 0666U}) {
    const auto path = folder / "s";
    const auto socket = ListeningSocket::open(conf::UnixEndpoint{path, mode});
    REQUIRE(socket.has_value());
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == mode);
  }
}

TEST_CASE("the socket that a killed daemon left behind is taken over") {
  const Folder folder;
  const auto path = folder / "s";
  {
    const Wire left(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(left.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  REQUIRE(std::filesystem::is_socket(path));
  CHECK(ListeningSocket::open(conf::UnixEndpoint{path, 0660}).has_value());
}

TEST_CASE("what is in the way of a listener is left alone, and named") {
  const Folder folder;
  const auto served = folder / "served";
  const auto file = folder / "file";
  std::ofstream(file) << "precious";
  const auto first = ListeningSocket::open(conf::UnixEndpoint{served, 0660});
  const auto tcp = ListeningSocket::open(inet("127.0.0.1"));
  struct Row {
    const char* label;
    conf::Endpoint endpoint;
    const char* says;
  };
  for (const auto& row :
       {Row{"socket that is served", conf::UnixEndpoint{served, 0660}, "another program listens there"},
        Row{"file", conf::UnixEndpoint{file, 0660}, "no socket"},
        Row{"no such directory", conf::UnixEndpoint{folder / "no/s", 0660}, "does not exist"},
        Row{"path too long", conf::UnixEndpoint{std::string(108, 'x'), 0660}, "at most 107 bytes"},
        Row{"port in use", *local_endpoint(tcp->fd()), "another program listens there"},
        Row{"foreign address", inet("192.0.2.1"), "not one of this host's"}}) {
    CAPTURE(row.label);
    const auto opened = ListeningSocket::open(row.endpoint);
    REQUIRE(opened.has_error());
    CAPTURE(opened.error().message);
    CHECK(opened.error().message.find(conf::to_string(row.endpoint)) != std::string::npos);
    CHECK(opened.error().message.find(row.says) != std::string::npos);
  }
  CHECK(std::filesystem::is_socket(served));
  CHECK(std::filesystem::is_regular_file(file));
}

TEST_CASE("a successor's unix socket at the same path survives the end of the one before") {
  const Folder folder;
  const auto path = folder / "s";
  auto before = ListeningSocket::open(conf::UnixEndpoint{path, 0660});
  std::filesystem::rename(path, folder / "moved");
  const auto after = ListeningSocket::open(conf::UnixEndpoint{path, 0660});
  *before = ListeningSocket::adopt(-1);
  CHECK(std::filesystem::is_socket(path));
}

TEST_CASE("a passed socket serves under the configured name of its address, or under its own") {
  auto passed_tcp = ListeningSocket::open(inet("127.0.0.1"));
  auto passed_other = ListeningSocket::open(inet("127.0.0.1"));
  const auto passed_of = [](const ListeningSocket& socket, const char* name) {
    return PassedSocket{::dup(socket.fd()), name, *local_endpoint(socket.fd())};
  };
  const std::vector<conf::Listen> configured{{inet("::1"), "opened"},
                                             {*local_endpoint(passed_tcp->fd()), "configured"}};
  const auto listeners =
      open_listeners(configured, {passed_of(*passed_tcp, "unit-one"), passed_of(*passed_other, "unit-two")});
  REQUIRE(listeners.has_value());
  REQUIRE(listeners->size() == 3);
  const auto where = [&](std::size_t at) { return conf::to_string(*local_endpoint((*listeners)[at].socket.fd())); };
  CHECK((*listeners)[0].name == "opened");
  CHECK((*listeners)[1].name == "configured");
  CHECK(where(1) == conf::to_string(*local_endpoint(passed_tcp->fd())));
  CHECK((*listeners)[2].name == "unit-two");
  CHECK(where(2) == conf::to_string(*local_endpoint(passed_other->fd())));
}

}  // namespace mxwarden::server
