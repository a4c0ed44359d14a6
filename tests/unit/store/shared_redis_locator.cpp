#include "store/shared_redis_locator.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mxwarden {
namespace {

using store::RedisServerAddress;

// Says what the test has it say.
class ToldLocator final : public store::RedisLocator {
 public:
  struct Counts {
    int starts = 0;
    int stops = 0;
    int doubts = 0;
    Found found;
  };

  explicit ToldLocator(Counts& counts) : counts_(counts) {}

  void start(Found found) override {
    ++counts_.starts;
    counts_.found = std::move(found);
  }
  void stop() override { ++counts_.stops; }
  void doubt() override { ++counts_.doubts; }

 private:
  Counts& counts_;
};

const RedisServerAddress here{"/here", "here"};
const RedisServerAddress there{"/there", "there"};

store::RedisLocator::Found into(std::vector<std::string>& names) {
  return [&names](const RedisServerAddress& server) { names.push_back(server.name); };
}

}  // namespace

TEST_CASE("all who share a locator are told of each place, those that come later at once") {
  ToldLocator::Counts counts;
  store::SharedRedisLocator shared(std::make_unique<ToldLocator>(counts));
  const auto first = shared.share();
  const auto second = shared.share();
  std::vector<std::string> first_heard;
  std::vector<std::string> second_heard;
  first->start(into(first_heard));
  CHECK(first_heard.empty());
  counts.found(here);
  second->start(into(second_heard));
  CHECK(counts.starts == 1);
  CHECK(second_heard == std::vector<std::string>{"here"});
  counts.found(there);
  CHECK(first_heard == std::vector<std::string>{"here", "there"});
  CHECK(second_heard == std::vector<std::string>{"here", "there"});
  second->doubt();
  CHECK(counts.doubts == 1);
}

TEST_CASE("who has stopped is not told any more, and the last that stops, once, stops the locator") {
  ToldLocator::Counts counts;
  store::SharedRedisLocator shared(std::make_unique<ToldLocator>(counts));
  const auto first = shared.share();
  const auto second = shared.share();
  std::vector<std::string> heard;
  first->start([&](const RedisServerAddress&) { second->stop(); });
  second->start(into(heard));
  counts.found(here);
  CHECK(heard.empty());
  CHECK(counts.stops == 0);
  first->stop();
  CHECK(counts.stops == 1);
  first->stop();
  CHECK(counts.stops == 1);
}

}  // namespace mxwarden
