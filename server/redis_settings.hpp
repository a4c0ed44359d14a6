#pragma once
// What the settings say about Redis, as the store takes it.

#include <boost/asio/io_context.hpp>
#include <memory>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "conf/settings.hpp"
#include "store/redis_address.hpp"
#include "store/redis_tls.hpp"

namespace mxwarden::server {

// Null with `tls = no`. An error says what is wrong in one of the files.
Result<std::shared_ptr<store::RedisTls>> redis_tls(const conf::Settings::Redis& redis);

std::unique_ptr<store::RedisLocator> redis_locator(boost::asio::io_context& context, const Clock& clock,
                                                   const conf::Settings::Redis& redis,
                                                   std::shared_ptr<store::RedisTls> tls);

// A fault for what redis_tls() says.
void check_redis_tls(const conf::Settings& settings, conf::Report& report);

}  // namespace mxwarden::server
