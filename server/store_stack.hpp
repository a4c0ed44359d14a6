#pragma once
// The stores of a daemon, stacked as its settings say: the embedded one alone; or Redis, in front of it what makes one
// call of many that ask the same, then what is known of refusals, and the embedded one for what these cannot say. And
// their records: a file's, or Redis'.

#include <boost/asio/io_context.hpp>
#include <optional>

#include "base/clock.hpp"
#include "conf/settings.hpp"
#include "store/cached_store.hpp"
#include "store/coalescing_store.hpp"
#include "store/embedded_records.hpp"
#include "store/embedded_store.hpp"
#include "store/redis_notice_board.hpp"
#include "store/redis_records.hpp"
#include "store/redis_store.hpp"
#include "store/resilient_store.hpp"
#include "store/shared_redis_locator.hpp"

namespace mxwarden::server {

class StoreStack {
 public:
  struct Statistics {
    store::EmbeddedStore::Statistics embedded;
    std::optional<store::RedisStore::Statistics> redis;
    std::uint64_t fallbacks = 0;
    std::uint64_t refused_from_memory = 0;
    std::uint64_t unanswered = 0;  // requests that Redis could say nothing to
  };

  StoreStack(boost::asio::io_context& context, const Clock& clock, const conf::Settings& settings);

  // What is to be asked.
  store::Store& front();
  // Of these the part that other nodes share, which has no answer while it is away; null: there is none.
  store::Store* shared();
  // What outlasts a window.
  store::Records& records();
  // Where nodes read what others put up; null: there are no others.
  store::NoticeBoard* board();
  // Connects, where there is something to connect to.
  void start();
  // So that nothing holds the io_context any more. What is to be kept is written first.
  void stop();

  Statistics statistics() const;

 private:
  store::EmbeddedStore embedded_;
  std::optional<store::EmbeddedRecords> embedded_records_;  // with the backend embedded
  std::optional<store::SharedRedisLocator> locator_;        // of the next three, with the backend redis
  std::optional<store::RedisStore> redis_;
  std::optional<store::RedisRecords> redis_records_;
  std::optional<store::RedisNoticeBoard> board_;
  std::optional<store::CoalescingStore> coalescing_;
  std::optional<store::CachedStore> cached_;
  std::optional<store::ResilientStore> resilient_;
};

}  // namespace mxwarden::server
