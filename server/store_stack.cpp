#include "server/store_stack.hpp"

#include <memory>
#include <utility>

#include "server/random_seed.hpp"
#include "store/sentinel_watch.hpp"

namespace mxwarden::server {
namespace {

store::SocketAddress socket_address(const conf::InetEndpoint& endpoint) {
  return {endpoint.address, endpoint.port};
}

store::RedisServerAddress server_address(const conf::Endpoint& endpoint) {
  const auto name = conf::to_string(endpoint);
  if (const auto* path = std::get_if<conf::UnixEndpoint>(&endpoint)) return {path->path, name};
  return {socket_address(std::get<conf::InetEndpoint>(endpoint)), name};
}

std::unique_ptr<store::RedisLocator> redis_locator(boost::asio::io_context& context, const Clock& clock,
                                                   const conf::Settings::Redis& redis) {
  if (redis.sentinels.empty()) return std::make_unique<store::FixedRedisLocator>(server_address(redis.address));
  store::SentinelWatch::Options options;
  for (const auto& sentinel : redis.sentinels) options.sentinels.push_back(socket_address(sentinel));
  options.master = redis.master;
  options.seed = random_seed();
  return std::make_unique<store::SentinelWatch>(context, clock, std::move(options));
}

store::RedisStore::Options redis_options(const conf::Settings::Redis& redis) {
  store::RedisStore::Options options;
  options.user = redis.user;
  options.password = redis.password;
  options.db = redis.db;
  options.prefix = redis.prefix;
  options.deadline = redis.deadline;
  options.seed = random_seed();
  return options;
}

}  // namespace

StoreStack::StoreStack(boost::asio::io_context& context, const Clock& clock, const conf::Settings& settings)
    : embedded_({.max_entries = settings.store.max_entries, .seed = random_seed()}) {
  if (settings.store.backend != conf::Backend::redis) return;
  redis_.emplace(context, clock, redis_locator(context, clock, settings.redis), redis_options(settings.redis));
  cached_.emplace(*redis_, store::CachedStore::Options{.seed = random_seed()});
  if (settings.redis.on_error == conf::OnError::local) resilient_.emplace(*cached_, embedded_);
}

store::Store& StoreStack::front() {
  if (resilient_) return *resilient_;
  if (cached_) return *cached_;
  return embedded_;
}

void StoreStack::start() {
  if (redis_) redis_->start();
}

void StoreStack::stop() {
  if (redis_) redis_->stop();
}

StoreStack::Statistics StoreStack::statistics() const {
  Statistics statistics;
  statistics.embedded = embedded_.statistics();
  if (redis_) statistics.redis = redis_->statistics();
  if (cached_) statistics.refused_from_memory = cached_->answered();
  if (resilient_) statistics.fallbacks = resilient_->fallbacks();
  return statistics;
}

}  // namespace mxwarden::server
