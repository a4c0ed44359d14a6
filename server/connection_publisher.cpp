#include "server/connection_publisher.hpp"

#include <algorithm>

#include "policy/client_conn_rule.hpp"
#include "policy/identity.hpp"

namespace mxwarden::server {
namespace {

// Nobody waits for it; what takes longer is known to others too late anyway.
constexpr Duration patience = std::chrono::milliseconds(500);

}  // namespace

ConnectionPublisher::ConnectionPublisher(store::Store& store, policy::Connections& connections,
                                         const conf::Settings& settings)
    : store_(store), connections_(connections), client_(settings.client), limit_(settings.client_conn) {}

void ConnectionPublisher::set_settings(const conf::Settings& settings) {
  client_ = settings.client;
  limit_ = settings.client_conn;
}

void ConnectionPublisher::publish(Instant now) {
  if (asked_) return;
  left_ = most_a_look;
  say(now);
  store_.flush();
}

void ConnectionPublisher::say(Instant now) {
  connections_.unsaid(now, std::min(most_a_batch, left_), numbers_);
  if (numbers_.empty()) return;
  left_ -= numbers_.size();
  batch_.now = now;
  batch_.counts.clear();
  for (const auto& number : numbers_) {
    auto& count = batch_.counts.add();
    policy::append_client_entity(count.entity, number.client, client_.ipv4_prefix, client_.ipv6_prefix);
    policy::write_connections(count, limit_, number.connections);
  }
  store_.execute(batch_, now + patience, [this](store::Answers answers) { heard(answers); });
  asked_ = true;
}

void ConnectionPublisher::heard(store::Answers answers) {
  asked_ = false;
  if (answers.size() != batch_.counts.size()) return;
  connections_.said(numbers_, batch_.now);
  say(batch_.now);
}

}  // namespace mxwarden::server
