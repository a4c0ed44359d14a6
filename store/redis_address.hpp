#pragma once
// Where the Redis is that counts: in one place for ever, or wherever the sentinels say (store/sentinel_watch.hpp).

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/address.hpp"

namespace mxwarden::store {

struct SocketAddress {
  Address address;
  std::uint16_t port = 0;

  // As Redis says it: an IPv6 address without brackets, a port from 1 on. A name of a host is nothing.
  static std::optional<SocketAddress> parse(std::string_view address, std::string_view port);
  // `192.0.2.1:6379`, `[2001:db8::1]:6379`
  std::string to_string() const;

  auto operator<=>(const SocketAddress&) const = default;
};

struct RedisServerAddress {
  std::variant<SocketAddress, std::string> where;  // or the path of a unix socket
  std::string name;                                // for log lines
};

class RedisLocator {
 public:
  using Found = std::function<void(const RedisServerAddress&)>;

  virtual ~RedisLocator() = default;

  // Calls `found` when it knows where the Redis is, and whenever it is somewhere else: who is connected to the place
  // before has to leave it. May call it at once.
  virtual void start(Found found) = 0;
  // `found` is not called any more, and nothing holds the io_context.
  virtual void stop() = 0;
  // Connections to the place come to nothing. Does not call `found` from within.
  virtual void doubt() = 0;
};

class FixedRedisLocator final : public RedisLocator {
 public:
  explicit FixedRedisLocator(RedisServerAddress server) : server_(std::move(server)) {}

  void start(Found found) override { found(server_); }
  void stop() override {}
  void doubt() override {}

 private:
  RedisServerAddress server_;
};

}  // namespace mxwarden::store
