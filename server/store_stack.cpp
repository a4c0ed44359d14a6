#include "server/store_stack.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "server/random_seed.hpp"
#include "server/redis_settings.hpp"

namespace mxwarden::server {
namespace {

store::RedisConnection::Options redis_options(const conf::Settings& settings, std::shared_ptr<store::RedisTls> tls) {
  const auto& redis = settings.redis;
  return {.user = redis.user,
          .password = redis.password,
          .db = redis.db,
          .prefix = redis.prefix,
          .deadline = std::min(redis.deadline, settings.server.answer_within),
          .tls = std::move(tls),
          .seed = random_seed()};
}

}  // namespace

StoreStack::StoreStack(boost::asio::io_context& context, const Clock& clock, const conf::Settings& settings)
    : embedded_({.max_entries = settings.store.max_entries, .seed = random_seed()}) {
  if (settings.store.backend == conf::Backend::embedded) {
    embedded_records_.emplace(clock, settings.store.path, [&context](std::function<void()> finished) {
      boost::asio::post(context, std::move(finished));
    });
    return;
  }
  // An error was a fault of the configuration, with which nobody comes here.
  const auto tls = redis_tls(settings.redis).value();
  locator_.emplace(redis_locator(context, clock, settings.redis, tls));
  redis_.emplace(context, clock, locator_->share(),
                 store::RedisStore::Options{redis_options(settings, tls), settings.server.node});
  redis_records_.emplace(context, clock, locator_->share(), redis_options(settings, tls));
  board_.emplace(context, clock, locator_->share(),
                 store::RedisNoticeBoard::Options{redis_options(settings, tls), settings.server.node});
  coalescing_.emplace(*redis_);
  cached_.emplace(*coalescing_, store::CachedStore::Options{.seed = random_seed()});
  if (settings.redis.on_error == conf::OnError::local) resilient_.emplace(*cached_, embedded_);
}

store::Store& StoreStack::front() {
  if (resilient_) return *resilient_;
  if (cached_) return *cached_;
  return embedded_;
}

store::Store* StoreStack::shared() {
  return coalescing_ ? &*coalescing_ : nullptr;
}

store::Records& StoreStack::records() {
  if (redis_records_) return *redis_records_;
  return *embedded_records_;
}

store::NoticeBoard* StoreStack::board() {
  return board_ ? &*board_ : nullptr;
}

void StoreStack::start() {
  if (redis_) redis_->start();
  if (redis_records_) redis_records_->start();
  if (board_) board_->start();
}

void StoreStack::stop() {
  if (embedded_records_) embedded_records_->stop();
  if (board_) board_->stop();
  if (redis_records_) redis_records_->stop();
  if (redis_) redis_->stop();
}

StoreStack::Statistics StoreStack::statistics() const {
  Statistics statistics;
  statistics.embedded = embedded_.statistics();
  if (redis_) statistics.redis = redis_->statistics();
  if (cached_) statistics.refused_from_memory = cached_->answered();
  if (cached_) statistics.unanswered = cached_->unanswered();
  if (resilient_) statistics.fallbacks = resilient_->fallbacks();
  return statistics;
}

}  // namespace mxwarden::server
