#include "store/redis_connection.hpp"

#include <algorithm>
#include <utility>

namespace mxwarden::store {
namespace {

// The script is compiled meanwhile.
constexpr Duration shortest_greeting = std::chrono::milliseconds(20);

RedisLink::Options link_options(const RedisConnection::Options& options, std::string_view script) {
  RedisLink::Options link;
  link.user = options.user;
  link.password = options.password;
  link.db = options.db;
  link.script = script;
  // What takes longer to be greeted would take too long to answer.
  link.greeting_within = std::max(options.deadline, shortest_greeting);
  link.tls = options.tls != nullptr;
  link.seed = options.seed;
  return link;
}

}  // namespace

RedisConnection::RedisConnection(boost::asio::io_context& context, const Clock& clock,
                                 std::unique_ptr<RedisLocator> locator, const Options& options, std::string_view script)
    : clock_(clock),
      link_(link_options(options, script)),
      socket_(context, *this, options.tls),
      locator_(std::move(locator)),
      link_timer_(context, [this] { woke(); }) {}

RedisConnection::~RedisConnection() = default;

void RedisConnection::open() {
  locator_->start([this](const RedisServerAddress& server) { moved(server); });
}

void RedisConnection::shut() {
  stopped_ = true;
  locator_->stop();
  close();
  link_timer_.set({});
}

// What ends with the last call that was outstanding may shut the connection: so it is asked after each close().
void RedisConnection::follow(RedisLink::Action action) {
  if (stopped_) return;
  switch (action) {
    case RedisLink::Action::none:
      break;
    case RedisLink::Action::connect:
      close();
      if (stopped_) return;
      ++connections_;
      socket_.open(server_);
      break;
    case RedisLink::Action::send_greeting:
      socket_.outgoing() = link_.greeting();
      socket_.send();
      break;
    case RedisLink::Action::close:
      close();
      if (stopped_) return;
      if (link_.doubts_server()) locator_->doubt();
      break;
  }
  tell_changes();
  link_timer_.set(link_.wakes_at());
}

void RedisConnection::close() {
  socket_.close();
  fail_all();
}

void RedisConnection::moved(const RedisServerAddress& server) {
  server_ = server;
  moves();
  follow(link_.moved(clock_.now()));
  turn_ends();
}

void RedisConnection::woke() {
  follow(link_.woke(clock_.now()));
  turn_ends();
}

void RedisConnection::connected() {
  follow(link_.connected(clock_.now()));
}

void RedisConnection::lost(std::string_view why) {
  follow(link_.lost(why, clock_.now()));
}

}  // namespace mxwarden::store
