#include "server/reload.hpp"

#include <algorithm>

namespace mxwarden::server {
namespace {

bool same(const conf::Listen& one, const conf::Listen& other) {
  return one.name == other.name && conf::to_string(one.endpoint) == conf::to_string(other.endpoint);
}

std::string written(const std::optional<conf::Endpoint>& endpoint) {
  return endpoint ? conf::to_string(*endpoint) : std::string();
}

}  // namespace

std::vector<std::string> keep_what_needs_restart(const conf::Settings& current, conf::Settings& wanted) {
  std::vector<std::string> names;
  if (!std::ranges::equal(current.server.listen, wanted.server.listen, same)) names.emplace_back("server.listen");
  if (written(current.server.http) != written(wanted.server.http)) names.emplace_back("server.http");
  if (current.store.backend != wanted.store.backend) names.emplace_back("store.backend");
  if (current.store.max_entries != wanted.store.max_entries) names.emplace_back("store.max_entries");
  wanted.server.listen = current.server.listen;
  wanted.server.http = current.server.http;
  wanted.store = current.store;
  return names;
}

}  // namespace mxwarden::server
