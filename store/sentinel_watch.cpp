#include "store/sentinel_watch.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/log.hpp"
#include "store/redis_sentinel.hpp"
#include "store/redis_socket.hpp"
#include "store/sentinel_vote.hpp"
#include "store/wake_timer.hpp"

namespace mxwarden::store {
namespace {

// Longer than it takes the next connection to come to nothing. A place that has recovered is not to be left for what
// the first sentinel says that comes back.
constexpr Duration doubt_lasts = std::chrono::seconds(10);

}  // namespace

class SentinelWatch::Watched final : private RedisSocket::Owner {
 public:
  Watched(boost::asio::io_context& context, const Clock& clock, SentinelWatch& watch, const SocketAddress& address,
          const RedisSentinel::Options& options, std::shared_ptr<RedisTls> tls)
      : clock_(clock),
        watch_(watch),
        server_{address, address.to_string()},
        sentinel_(options),
        socket_(context, *this, std::move(tls)),
        timer_(context, [this] { woke(); }) {}

  void start() { follow(sentinel_.start(clock_.now())); }
  void ask() { follow(sentinel_.ask(clock_.now())); }
  void stop() {
    stopped_ = true;
    socket_.close();
    timer_.set({});
  }

  SentinelVoice voice() const { return {sentinel_.is_busy(), sentinel_.names()}; }
  const std::string& trouble() const { return sentinel_.trouble(); }

 private:
  void connected() override { follow(sentinel_.connected(clock_.now())); }
  void received(const RedisReply& reply) override { follow(sentinel_.received(reply, clock_.now())); }
  void lost(std::string_view why) override { follow(sentinel_.lost(why, clock_.now())); }
  void turn_ends() override { watch_.settle(); }

  void woke() {
    follow(sentinel_.woke(clock_.now()));
    watch_.settle();
  }

  void follow(RedisSentinel::Action action) {
    if (stopped_) return;
    switch (action) {
      case RedisSentinel::Action::none:
        break;
      case RedisSentinel::Action::connect:
        socket_.open(server_);
        break;
      case RedisSentinel::Action::send_question:
        socket_.outgoing() += sentinel_.question();
        socket_.send();
        break;
      case RedisSentinel::Action::close:
        socket_.close();
        break;
      case RedisSentinel::Action::follow:
        watch_.follow(*sentinel_.names());
        break;
    }
    if (stopped_) return;
    tell_changes();
    timer_.set(sentinel_.wakes_at());
  }

  // Once for each thing that goes wrong, and once when it is over.
  void tell_changes() {
    if (sentinel_.state() == RedisSentinel::State::listening && sentinel_.trouble().empty() && !told_.empty()) {
      log::info(fmt::format("sentinel {}: is heard again", server_.name));
      told_.clear();
    } else if (!sentinel_.trouble().empty() && sentinel_.trouble() != told_) {
      told_ = sentinel_.trouble();
      log::warn(fmt::format("sentinel {}: {}", server_.name, told_));
    }
  }

  const Clock& clock_;
  SentinelWatch& watch_;
  RedisServerAddress server_;
  RedisSentinel sentinel_;
  RedisSocket socket_;
  WakeTimer timer_;
  std::string told_;  // the trouble that was logged last
  bool stopped_ = false;
};

SentinelWatch::SentinelWatch(boost::asio::io_context& context, const Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)) {
  RedisSentinel::Options each;
  each.master = options_.master;
  each.tls = options_.tls != nullptr;
  each.seed = options_.seed;
  for (const auto& address : options_.sentinels) {
    watched_.push_back(std::make_unique<Watched>(context, clock, *this, address, each, options_.tls));
    ++each.seed;  // they are not to come all at once
  }
}

SentinelWatch::~SentinelWatch() = default;

void SentinelWatch::start(Found found) {
  found_ = std::move(found);
  for (const auto& watched : watched_) watched->start();
}

void SentinelWatch::stop() {
  for (const auto& watched : watched_) watched->stop();
}

// Those without a connection say what they know as soon as they have one.
void SentinelWatch::doubt() {
  doubted_until_ = clock_.now() + doubt_lasts;
  for (const auto& watched : watched_) watched->ask();
}

void SentinelWatch::settle() {
  std::vector<SentinelVoice> voices;
  for (const auto& watched : watched_) voices.push_back(watched->voice());
  if (const auto named = vote(voices, !master_ || clock_.now() < doubted_until_)) follow(*named);
}

void SentinelWatch::follow(const SocketAddress& master) {
  doubted_until_ = {};
  if (master_ == master) return;
  const auto name = fmt::format("{} (master {})", master.to_string(), options_.master);
  if (master_) log::warn(fmt::format("redis {}: replaces {}", name, master_->to_string()));
  master_ = master;
  found_({master, name});
}

std::vector<std::string> SentinelWatch::troubles() const {
  std::vector<std::string> troubles;
  for (const auto& watched : watched_) troubles.push_back(watched->trouble());
  return troubles;
}

}  // namespace mxwarden::store
