#include "server/reload.hpp"

#include <algorithm>

#include "conf/value.hpp"

namespace mxwarden::server {
namespace {

bool same_listen(const conf::Listen& one, const conf::Listen& other) {
  return one.name == other.name && conf::to_string(one.endpoint) == conf::to_string(other.endpoint);
}

bool same_file(const conf::Settings::PemFile& one, const conf::Settings::PemFile& other) {
  return one.path == other.path && one.content == other.content;
}

bool same_tls(const conf::Settings::Redis::Tls& one, const conf::Settings::Redis::Tls& other) {
  return one.on == other.on && same_file(one.authorities, other.authorities) &&
         same_file(one.certificate, other.certificate) && same_file(one.key, other.key) && one.name == other.name;
}

bool same_redis(const conf::Settings::Redis& one, const conf::Settings::Redis& other) {
  return conf::to_string(one.address) == conf::to_string(other.address) &&
         conf::to_string(one.sentinels) == conf::to_string(other.sentinels) && one.master == other.master &&
         one.user == other.user && one.password == other.password && one.db == other.db && one.prefix == other.prefix &&
         one.deadline == other.deadline && one.on_error == other.on_error && same_tls(one.tls, other.tls);
}

std::string written(const std::optional<conf::Endpoint>& endpoint) {
  return endpoint ? conf::to_string(*endpoint) : std::string();
}

}  // namespace

std::vector<std::string> keep_what_needs_restart(const conf::Settings& current, conf::Settings& wanted) {
  std::vector<std::string> names;
  if (!std::ranges::equal(current.server.listen, wanted.server.listen, same_listen))
    names.emplace_back("server.listen");
  if (written(current.server.http) != written(wanted.server.http)) names.emplace_back("server.http");
  if (current.server.node != wanted.server.node) names.emplace_back("server.node");
  if (current.server.control != wanted.server.control) names.emplace_back("server.control");
  if (current.store.path != wanted.store.path) names.emplace_back("store.path");
  if (current.store.backend != wanted.store.backend) names.emplace_back("store.backend");
  if (current.store.max_entries != wanted.store.max_entries) names.emplace_back("store.max_entries");
  wanted.server.listen = current.server.listen;
  wanted.server.http = current.server.http;
  wanted.server.control = current.server.control;
  wanted.server.node = current.server.node;
  if (!same_redis(current.redis, wanted.redis)) names.emplace_back("[redis]");
  wanted.store = current.store;
  wanted.redis = current.redis;
  return names;
}

}  // namespace mxwarden::server
