#pragma once
// Finds the master by its sentinels, and goes where they say when it is replaced: a connection to each of them, kept
// (store/redis_sentinel.hpp), and what they say together (store/sentinel_vote.hpp).
//
// Without any sentinel the place known last stays known: the connection there goes on, and is made again if it ends.
//
// Threads: one, that of the io_context, which must outlive it and is not to run after it.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "store/redis_address.hpp"

namespace mxwarden::store {

class RedisTls;

class SentinelWatch final : public RedisLocator {
 public:
  struct Options {
    std::vector<SocketAddress> sentinels;  // one at least
    std::string master;                    // what they call it
    std::shared_ptr<RedisTls> tls;         // none: in plain text
    std::uint64_t seed = 0;                // of the jitter; random in a daemon
  };

  SentinelWatch(boost::asio::io_context& context, const Clock& clock, Options options);
  ~SentinelWatch() override;

  void start(Found found) override;
  void stop() override;
  void doubt() override;

  // Of each sentinel, in the order given: what is wrong with it, or nothing.
  std::vector<std::string> troubles() const;

 private:
  class Watched;  // a sentinel

  void settle();
  void follow(const SocketAddress& master);

  const Clock& clock_;
  Options options_;
  std::vector<std::unique_ptr<Watched>> watched_;
  Found found_;
  std::optional<SocketAddress> master_;
  Instant doubted_until_{};
};

}  // namespace mxwarden::store
