#pragma once
// A RedisStore with the loop it lives in, and what its tests ask it and its servers.

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <charconv>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "store/redis_store.hpp"
#include "support/redis_server.hpp"
#include "support/store_conformance.hpp"

namespace mxwarden::tests {

class ConnectedStore {
 public:
  using MakeLocator = std::function<std::unique_ptr<store::RedisLocator>(boost::asio::io_context&, const Clock&)>;

  ConnectedStore(const MakeLocator& make_locator, store::RedisStore::Options options)
      : redis(context, clock, make_locator(context, clock), std::move(options)) {
    static const bool silent = log::start("unit_store", "file:/dev/null", log::Level::error).has_value();
    REQUIRE(silent);
    redis.start();
  }
  ~ConnectedStore() { redis.stop(); }

  // Until it holds, and ten seconds at most.
  template <class Holds>
  bool run_until(Holds holds) {
    const auto end = clock.now() + std::chrono::seconds(10);
    while (!holds()) {
      if (clock.now() >= end) return false;
      context.restart();
      context.run_one_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  bool wait_until_up() {
    return run_until([&] { return redis.statistics().up; });
  }

  // The answer to a batch; none if Redis cannot say.
  std::vector<store::CountAnswer> ask(const store::Batch& batch) {
    bool told = false;
    std::vector<store::CountAnswer> result;
    redis.execute(batch, clock.now() + std::chrono::seconds(20), [&](store::Answers answers) {
      told = true;
      result.assign(answers.begin(), answers.end());
    });
    redis.flush();
    REQUIRE(run_until([&] { return told; }));
    return result;
  }

  boost::asio::io_context context{1};
  SystemClock clock;
  store::RedisStore redis;
};

inline store::Batch hit(const std::string& entity, std::uint64_t limit = 5) {
  store::Batch batch;
  batch.now = ManualClock().now();
  batch.counts = {counted(entity, {{std::chrono::seconds(60), limit}})};
  return batch;
}

inline std::string info(const RedisServer& server, std::string_view section) {
  auto client = server.client();
  return std::string(client.command({"INFO", section}).text());
}

// The number that follows `name` in a section of INFO; 0 if it is not there.
inline std::uint64_t figure(const RedisServer& server, std::string_view section, std::string_view name) {
  const auto text = info(server, section);
  const auto at = text.find(name);
  if (at == std::string::npos) return 0;
  std::uint64_t value = 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value);
  return value;
}

}  // namespace mxwarden::tests
