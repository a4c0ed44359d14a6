#include "server/redis_settings.hpp"

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

store::RedisTls::File file(const conf::Settings::PemFile& file) {
  return {file.path, file.content};
}

}  // namespace

Result<std::shared_ptr<store::RedisTls>> redis_tls(const conf::Settings::Redis& redis) {
  const auto& tls = redis.tls;
  if (!tls.on) return std::shared_ptr<store::RedisTls>();
  return store::RedisTls::make({.authorities = file(tls.authorities),
                                .certificate = file(tls.certificate),
                                .key = file(tls.key),
                                .name = tls.name});
}

std::unique_ptr<store::RedisLocator> redis_locator(boost::asio::io_context& context, const Clock& clock,
                                                   const conf::Settings::Redis& redis,
                                                   std::shared_ptr<store::RedisTls> tls) {
  if (redis.sentinels.empty()) return std::make_unique<store::FixedRedisLocator>(server_address(redis.address));
  store::SentinelWatch::Options options;
  for (const auto& sentinel : redis.sentinels) options.sentinels.push_back(socket_address(sentinel));
  options.master = redis.master;
  options.tls = std::move(tls);
  options.seed = random_seed();
  return std::make_unique<store::SentinelWatch>(context, clock, std::move(options));
}

void check_redis_tls(const conf::Settings& settings, conf::Report& report) {
  if (settings.store.backend != conf::Backend::redis) return;
  const auto tls = redis_tls(settings.redis);
  if (!tls) report.faults.push_back({{"[redis] tls", 0}, tls.error().message});
}

}  // namespace mxwarden::server
