// What remains of the promises when far more come than there is room for.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "store/embedded_store.hpp"
#include "support/store_conformance.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t room = 100'000;
constexpr int offenders = 1000;
constexpr int fresh_a_second = 50'000;
constexpr int seconds = 300;

class Flood {
 public:
  Flood() : store_({room, 99}), found_(offenders, false) {
    batch_.counts = {tests::counted("", {{60s, 5}})};
    now_ = ManualClock().now();
  }

  void run() {
    int next_fresh = 0;
    for (int second = 0; second < seconds; ++second) {
      for (int i = 0; i < fresh_a_second; ++i) {
        if (ask("fresh:" + std::to_string(next_fresh++)).over) ++refused_fresh_;
        if (i % (fresh_a_second / (offenders / 6 + 1)) == 0) hit_by_an_offender();
        now_ += Duration(1s) / fresh_a_second;
      }
      store_.tick(now_);
      most_entries_ = std::max(most_entries_, store_.statistics().entries);
    }
  }

  int found() const { return static_cast<int>(std::count(found_.begin(), found_.end(), true)); }
  int refused_fresh() const { return refused_fresh_; }
  std::size_t most_entries() const { return most_entries_; }
  store::EmbeddedStore::Statistics statistics() const { return store_.statistics(); }

 private:
  // They take turns, so that each comes once in six seconds.
  void hit_by_an_offender() {
    const auto who = static_cast<std::size_t>(turn_++ % offenders);
    if (ask("offender:" + std::to_string(who)).over) found_[who] = true;
  }

  store::CountAnswer ask(std::string entity) {
    batch_.now = now_;
    batch_.counts[0].entity = std::move(entity);
    store::CountAnswer result;
    store_.execute(batch_, now_, [&](store::Answers answers) { result = answers[0]; });
    store_.flush();
    return result;
  }

  store::EmbeddedStore store_;
  store::Batch batch_;
  Instant now_;
  std::vector<bool> found_;
  int turn_ = 0;
  int refused_fresh_ = 0;
  std::size_t most_entries_ = 0;
};

}  // namespace

TEST_CASE("offenders are found among 50,000 fresh addresses a second, and nobody else is refused") {
  Flood flood;
  flood.run();
  MESSAGE("found ", flood.found(), " of ", offenders, ", evicted ", flood.statistics().evicted, ", turned away ",
          flood.statistics().turned_away);
  CHECK(flood.found() >= offenders * 99 / 100);
  CHECK(flood.refused_fresh() == 0);
  CHECK(flood.most_entries() <= room);
  CHECK(flood.statistics().turned_away > 0);
}

TEST_CASE("sets of members stay within their bound while addresses rotate") {
  store::EmbeddedStore embedded({16'000, 99});
  store::Batch batch;
  batch.now = ManualClock().now();
  batch.counts = {tests::counted_member("", {{60s, 5}}, "a@example.org")};
  int refused = 0;
  for (int i = 0; i < 200'000; ++i) {
    batch.now += 20us;
    batch.counts[0].entity = "fresh:" + std::to_string(i);
    embedded.execute(batch, batch.now, [&](store::Answers answers) { refused += answers[0].over ? 1 : 0; });
    embedded.flush();
  }
  CHECK(refused == 0);
  CHECK(embedded.statistics().entries <= 1000);
  CHECK(embedded.statistics().turned_away > 0);
}

TEST_CASE("a hit that is only marked is answered as recorded, within its limit") {
  store::EmbeddedStore embedded({10, 99});
  store::Batch batch;
  batch.now = ManualClock().now();
  batch.counts = {tests::counted("", {{60s, 5}})};
  for (int i = 0; i < 10; ++i) {
    batch.counts[0].entity = "client:" + std::to_string(i);
    embedded.execute(batch, batch.now, [](store::Answers) {});
    embedded.flush();
  }
  batch.counts[0].entity = "one more";
  batch.counts[0].n = 4;
  embedded.execute(batch, batch.now, [](store::Answers answers) {
    CHECK(answers[0].recorded);
    CHECK(answers[0].count == 4);
    CHECK_FALSE(answers[0].over);
  });
  embedded.flush();
  CHECK(embedded.statistics().turned_away == 1);
  embedded.execute(batch, batch.now, [](store::Answers answers) { CHECK(answers[0].count == 4); });
  embedded.flush();
  CHECK(embedded.statistics().evicted == 1);
  embedded.execute(batch, batch.now, [](store::Answers answers) { CHECK(answers[0].over); });
  embedded.flush();
  CHECK(embedded.statistics().entries == 10);
}
