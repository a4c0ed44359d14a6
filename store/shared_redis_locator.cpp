#include "store/shared_redis_locator.hpp"

#include <algorithm>
#include <utility>

namespace mxwarden::store {

class SharedRedisLocator::Share final : public RedisLocator {
 public:
  explicit Share(SharedRedisLocator& all) : all_(all) {}

  void start(Found found) override {
    found_ = std::move(found);
    all_.start(*this);
  }
  void stop() override { all_.stop(*this); }
  void doubt() override { all_.locator_->doubt(); }
  void tell(const RedisServerAddress& server) { found_(server); }

 private:
  SharedRedisLocator& all_;
  Found found_;
};

SharedRedisLocator::SharedRedisLocator(std::unique_ptr<RedisLocator> locator) : locator_(std::move(locator)) {}

SharedRedisLocator::~SharedRedisLocator() = default;

std::unique_ptr<RedisLocator> SharedRedisLocator::share() {
  return std::make_unique<Share>(*this);
}

void SharedRedisLocator::start(Share& share) {
  started_.push_back(&share);
  if (started_.size() == 1) {
    locator_->start([this](const RedisServerAddress& server) { found(server); });
  } else if (server_) {
    share.tell(*server_);
  }
}

void SharedRedisLocator::stop(Share& share) {
  if (started_.remove(&share) > 0 && started_.empty()) locator_->stop();
}

// Who is told may stop, itself and others.
void SharedRedisLocator::found(const RedisServerAddress& server) {
  server_ = server;
  for (auto* share : std::list<Share*>(started_)) {
    if (std::ranges::find(started_, share) != started_.end()) share->tell(server);
  }
}

}  // namespace mxwarden::store
