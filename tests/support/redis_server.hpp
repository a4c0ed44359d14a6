#pragma once
// A Redis of the test's own, or a sentinel, and somebody to talk to it.
//
// The server listens on a unix socket in a temporary directory and, unless a setting gives it a port, nowhere else. It
// keeps nothing on disk, and ends with its owner or, if the test is killed, with the test.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "store/redis_wire.hpp"

namespace mxwarden::tests {

// Blocks; what takes longer than ten seconds fails the test.
class RedisClient {
 public:
  // Fails the test if nobody listens there.
  explicit RedisClient(const std::string& socket_path) : fd_(connect(socket_path)) { REQUIRE(fd_ >= 0); }
  RedisClient(RedisClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)), reader_(std::move(other.reader_)) {}
  RedisClient& operator=(RedisClient&&) = delete;
  ~RedisClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  // Nothing: nobody listens there.
  static std::optional<RedisClient> try_connect(const std::string& socket_path) {
    const int fd = connect(socket_path);
    if (fd < 0) return std::nullopt;
    return RedisClient(fd);
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      REQUIRE(sent > 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // The next reply; it lives until the next call.
  store::RedisReply receive() {
    while (true) {
      const auto reply = reader_.next();
      REQUIRE(reply.has_value());
      if (*reply) return **reply;
      char buffer[65536];
      const auto size = ::recv(fd_, buffer, sizeof buffer, 0);
      REQUIRE(size > 0);
      reader_.feed({buffer, static_cast<std::size_t>(size)});
    }
  }

  store::RedisReply command(std::initializer_list<std::string_view> arguments) {
    std::string bytes;
    store::append_command(bytes, arguments);
    send(bytes);
    return receive();
  }

 private:
  explicit RedisClient(int fd) : fd_(fd) {}

  static int connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
  }

  int fd_;
  store::RedisReader reader_;
};

// A port of 127.0.0.1 on which nobody listens at the moment.
inline std::uint16_t free_port() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

class RedisServer {
 public:
  enum class Kind { redis, sentinel };

  // Starts it and waits until it answers. `settings`: lines of redis.conf; they go last, so that they have the word.
  explicit RedisServer(const std::vector<std::string>& settings = {}, Kind kind = Kind::redis)
      : kind_(kind), directory_(make_directory()) {
    std::ofstream file(configuration());
    file << "port 0\nunixsocket " << socket_path() << "\nsave \"\"\nappendonly no\ndir " << directory_.string()
         << "\nlogfile " << log_path() << "\n";
    for (const std::string& setting : settings) file << setting << "\n";
    file.close();
    REQUIRE(file.good());
    start();
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer() {
    end(SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::string socket_path() const { return directory_ / "redis.sock"; }
  std::string log_path() const { return directory_ / "redis.log"; }
  RedisClient client() const { return RedisClient(socket_path()); }

  // After stop() or kill(): another one in its place, which remembers nothing.
  void start() {
    REQUIRE(pid_ < 0);
    const std::string file = configuration();
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const char* const as = kind_ == Kind::sentinel ? "--sentinel" : nullptr;
      ::execlp("redis-server", "redis-server", file.c_str(), as, nullptr);
      ::_exit(127);
    }
    wait_until_it_answers();
  }
  // As an administrator stops it.
  void stop() { end(SIGTERM); }
  void kill() { end(SIGKILL); }
  // It keeps its connections and takes new ones, but answers nobody until resume().
  void suspend() {
    REQUIRE(::kill(pid_, SIGSTOP) == 0);
    int status = 0;
    REQUIRE(::waitpid(pid_, &status, WUNTRACED) == pid_);
    REQUIRE(WIFSTOPPED(status));
  }
  void resume() { REQUIRE(::kill(pid_, SIGCONT) == 0); }

 private:
  static std::filesystem::path make_directory() {
    std::string name = std::filesystem::temp_directory_path() / "mxwarden-redis-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    return name;
  }
  std::string configuration() const { return directory_ / "redis.conf"; }

  // Any reply will do: one that asks for a password too.
  void wait_until_it_answers() {
    for (int tries = 0; tries < 2000; ++tries) {
      if (auto client = RedisClient::try_connect(socket_path())) {
        client->command({"PING"});
        return;
      }
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
        pid_ = -1;
        FAIL("redis-server has ended: ", log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("redis-server does not listen: ", log());
  }
  std::string log() const {
    std::ifstream file(log_path());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void end(int signal) {
    if (pid_ < 0) return;
    ::kill(pid_, signal);
    ::kill(pid_, SIGCONT);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  Kind kind_;
  std::filesystem::path directory_;
  pid_t pid_ = -1;
};

}  // namespace mxwarden::tests
