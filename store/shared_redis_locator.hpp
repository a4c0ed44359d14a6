#pragma once
// One locator for several connections to the same Redis: so each sentinel is asked once, and each of its troubles is
// logged once.
//
// Threads: one.

#include <list>
#include <memory>
#include <optional>

#include "store/redis_address.hpp"

namespace mxwarden::store {

class SharedRedisLocator {
 public:
  explicit SharedRedisLocator(std::unique_ptr<RedisLocator> locator);
  ~SharedRedisLocator();

  // For one connection. It starts what is shared when it is the first that is started, and stops it when it is the last
  // that is stopped; its doubt is the doubt of all. Must not outlive this.
  std::unique_ptr<RedisLocator> share();

 private:
  class Share;

  void start(Share& share);
  void stop(Share& share);
  void found(const RedisServerAddress& server);

  std::unique_ptr<RedisLocator> locator_;
  std::optional<RedisServerAddress> server_;
  std::list<Share*> started_;
};

}  // namespace mxwarden::store
