#include "store/resilient_store.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <utility>
#include <vector>

#include "store/embedded_store.hpp"
#include "support/store_conformance.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;

// Answers when it is told to, as another host would.
class DistantStore final : public store::Store {
 public:
  void execute(const store::Batch& batch, Instant, store::Completion completion) override {
    asked_.emplace_back(&batch, std::move(completion));
  }
  void flush() override {
    if (answers_at_once) answer_all();
  }
  void tick(Instant) override { ++ticks; }
  std::string_view name() const override { return "distant"; }

  void answer_all() {
    while (!asked_.empty()) {
      const auto [batch, completion] = std::exchange(asked_.front(), {});
      asked_.erase(asked_.begin());
      std::vector<store::CountAnswer> answers(away ? 0 : batch->counts.size());
      for (auto& answer : answers) answer.count = 42;
      completion(answers);
    }
  }
  std::size_t asked() const { return asked_.size(); }

  bool away = false;
  bool answers_at_once = true;
  int ticks = 0;

 private:
  std::vector<std::pair<const store::Batch*, store::Completion>> asked_;
};

store::Batch one_hit() {
  store::Batch batch;
  batch.now = ManualClock().now();
  batch.counts = {tests::counted("client:192.0.2.7", {{60s, 5}})};
  return batch;
}

struct Pair {
  DistantStore distant;
  store::EmbeddedStore embedded{{1000, 1}};
  store::ResilientStore store{distant, embedded};

  std::vector<std::uint64_t> counts;
  void ask(const store::Batch& batch) {
    store.execute(batch, batch.now + 1s, [&](store::Answers answers) {
      REQUIRE(answers.size() == 1);
      counts.push_back(answers[0].count);
    });
  }
};

}  // namespace

TEST_CASE("what the shared store can say, it says alone") {
  Pair pair;
  const auto batch = one_hit();
  pair.ask(batch);
  pair.store.flush();
  CHECK(pair.counts == std::vector<std::uint64_t>{42});
  CHECK(pair.store.name() == "distant");
  CHECK(pair.embedded.statistics().entries == 0);
  CHECK(pair.store.fallbacks() == 0);
}

TEST_CASE("what it cannot say, this node's own store says in the same turn") {
  Pair pair;
  pair.distant.away = true;
  const auto batch = one_hit();
  pair.ask(batch);
  pair.ask(batch);
  pair.store.flush();
  CHECK(pair.counts == std::vector<std::uint64_t>{1, 2});
  CHECK(pair.store.name() == "embedded");
  CHECK(pair.store.fallbacks() == 2);
  pair.distant.away = false;
  pair.ask(batch);
  pair.store.flush();
  CHECK(pair.counts.back() == 42);
  CHECK(pair.store.name() == "distant");
}

TEST_CASE("an answer that is lost later is given at once, without a turn's end") {
  Pair pair;
  pair.distant.answers_at_once = false;
  const auto batch = one_hit();
  pair.ask(batch);
  pair.store.flush();
  CHECK(pair.counts.empty());
  pair.distant.away = true;
  pair.distant.answer_all();
  CHECK(pair.counts == std::vector<std::uint64_t>{1});
}

TEST_CASE("what a completion asks is answered in the same turn, by whichever store") {
  for (const bool away : {false, true}) {
    CAPTURE(away);
    Pair pair;
    pair.distant.away = away;
    const auto batch = one_hit();
    int left = 3;
    std::function<void(store::Answers)> again = [&](store::Answers answers) {
      pair.counts.push_back(answers[0].count);
      if (left-- > 0) pair.store.execute(batch, batch.now + 1s, again);
    };
    pair.store.execute(batch, batch.now + 1s, again);
    pair.store.flush();
    CHECK(pair.counts.size() == 4);
    CHECK(pair.counts.back() == (away ? 4 : 42));
  }
}

TEST_CASE("both stores hear the tick") {
  Pair pair;
  pair.store.tick(ManualClock().now());
  CHECK(pair.distant.ticks == 1);
}

TEST_CASE("with the shared store away, it keeps every promise of a store") {
  struct Away {
    DistantStore distant;
    store::EmbeddedStore embedded{{100'000, 7}};
  };
  tests::check_store_conformance([] {
    auto stores = std::make_shared<Away>();
    stores->distant.away = true;
    tests::StoreUnderTest under_test;
    under_test.store = std::make_unique<store::ResilientStore>(stores->distant, stores->embedded);
    under_test.run = [stores] {};
    return under_test;
  });
}

}  // namespace mxwarden
