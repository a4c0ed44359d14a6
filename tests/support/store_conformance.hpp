#pragma once
// What every store must do, whatever stands behind it: the promises of store/store.hpp as checks. A stack passes if
// check_store_conformance() passes with a factory of fresh stores, called from a test case of its own.
//
// Time is what the batches say: nothing here waits. A store whose answers come later gives a `run` that lets them come.

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "store/store.hpp"

namespace mxwarden::tests {

struct StoreUnderTest {
  std::unique_ptr<store::Store> store;
  std::function<void()> run = [] {};  // returns when outstanding answers have come
  Duration resolution = Duration(1);  // the least time that it can tell apart
  bool remembers_refusals = false;    // and then asks nothing else
};

using StoreFactory = std::function<StoreUnderTest()>;

// Asks one store, at the time of a clock of its own.
class StoreAsker {
 public:
  explicit StoreAsker(StoreUnderTest under_test) : under_test_(std::move(under_test)) {}

  // Looks first: that must tell what asking then does, and change nothing.
  std::vector<store::CountAnswer> ask(std::vector<store::Count> counts) {
    const auto seen = look(counts);
    batch_.look = false;
    auto answers = answers_to(std::move(counts));
    if (!is_cut_short(answers)) CHECK(seen == answers);
    return answers;
  }
  std::vector<store::CountAnswer> look(std::vector<store::Count> counts) {
    batch_.look = true;
    return answers_to(std::move(counts));
  }
  store::CountAnswer ask_one(store::Count count) { return ask({std::move(count)}).front(); }

  // Each count in a batch of its own.
  std::vector<store::CountAnswer> ask_in_one_turn(const std::vector<store::Count>& counts) {
    std::vector<store::Batch> batches(counts.size());
    std::vector<store::CountAnswer> results(counts.size());
    int called = 0;
    for (std::size_t at = 0; at < counts.size(); ++at) {
      batches[at].now = clock_.now();
      batches[at].counts.add() = counts[at];
      under_test_.store->execute(batches[at], clock_.now() + std::chrono::seconds(1), [&, at](store::Answers answers) {
        ++called;
        results[at] = answers[0];
      });
    }
    under_test_.store->flush();
    under_test_.run();
    REQUIRE(called == static_cast<int>(counts.size()));
    return results;
  }

  // How many of `tries` were recorded.
  int recorded(const store::Count& count, int tries) {
    int recorded = 0;
    for (int i = 0; i < tries; ++i) recorded += ask_one(count).recorded ? 1 : 0;
    return recorded;
  }
  std::uint64_t held(store::Count count) {
    count.n = 0;
    return ask_one(std::move(count)).count;
  }
  void advance(Duration by) { clock_.advance(by); }
  void tick() { under_test_.store->tick(clock_.now()); }
  Instant now() const { return clock_.now(); }
  Duration resolution() const { return under_test_.resolution; }

 private:
  std::vector<store::CountAnswer> answers_to(std::vector<store::Count> counts) {
    batch_.now = clock_.now();
    batch_.counts.clear();
    for (auto& count : counts) batch_.counts.add() = std::move(count);
    int called = 0;
    std::vector<store::CountAnswer> result;
    under_test_.store->execute(batch_, clock_.now() + std::chrono::seconds(1), [&](store::Answers answers) {
      ++called;
      result.assign(answers.begin(), answers.end());
    });
    REQUIRE(called == 0);
    under_test_.store->flush();
    under_test_.run();
    REQUIRE(called == 1);
    REQUIRE(result.size() == batch_.counts.size());
    return result;
  }

  // A refusal that is remembered is told without the counts beside it.
  bool is_cut_short(const std::vector<store::CountAnswer>& answers) const {
    const auto is_untold = [](const store::CountAnswer& answer) { return answer == store::CountAnswer(); };
    return under_test_.remembers_refusals && std::ranges::any_of(answers, is_untold);
  }

  StoreUnderTest under_test_;
  store::Batch batch_;
  ManualClock clock_;
};

inline store::Count counted(std::string entity, store::Windows windows) {
  store::Count count;
  count.entity = std::move(entity);
  count.counter = "rate";
  count.windows = std::move(windows);
  return count;
}

inline store::Count counted_member(std::string entity, store::Windows windows, std::string member) {
  store::Count count = counted(std::move(entity), std::move(windows));
  count.member = std::move(member);
  return count;
}

void check_store_conformance(const StoreFactory& factory);
// The same for gauges (Count::gauge), of a store that one node uses.
void check_gauge_conformance(const StoreFactory& factory);

namespace conformance {

using namespace std::chrono_literals;
using store::Grain;
using store::Window;

inline void admits_exactly_the_limit(StoreAsker& asker) {
  const store::Count count = counted("client:192.0.2.1", {{60s, 5}});
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto answer = asker.ask_one(count);
    CHECK(answer.count == i);
    CHECK(answer.recorded);
    CHECK_FALSE(answer.over);
    CHECK(answer.retry_after == 0ns);
  }
  const auto answer = asker.ask_one(count);
  CHECK(answer.count == 6);
  CHECK(answer.over);
  CHECK_FALSE(answer.recorded);
}

inline void what_is_refused_is_not_counted(StoreAsker& asker) {
  const store::Count count = counted("client:192.0.2.1", {{60s, 3}});
  CHECK(asker.recorded(count, 50) == 3);
  CHECK(asker.held(count) == 3);
  for (int second = 0; second < 70; ++second, asker.advance(1s)) asker.ask_one(count);
  // It tried all the time, and is admitted again all the same.
  CHECK(asker.held(count) > 0);
  CHECK(asker.held(count) <= 3);
}

inline void retry_after_is_exact(StoreAsker& asker) {
  const Duration least = asker.resolution();
  const Duration length = 61'000'000 * least;
  const store::Count count = counted("client:192.0.2.1", {{length, 2}});
  asker.advance(7'777'777 * least);
  asker.ask_one(count);
  asker.advance(11'111'111 * least);
  asker.ask_one(count);
  const auto refused = asker.ask_one(count);
  REQUIRE(refused.over);
  CHECK(refused.retry_after > length - 11'111'111 * least);
  CHECK(refused.retry_after <= length * 13 / 12);
  asker.advance(refused.retry_after - least);
  const auto early = asker.ask_one(count);
  CHECK(early.over);
  CHECK(early.retry_after == least);
  asker.advance(least);
  CHECK(asker.ask_one(count).recorded);
}

inline void more_than_a_window_admits_is_refused_for_ever(StoreAsker& asker) {
  store::Count count = counted("client:192.0.2.1", {{60s, 5}});
  count.n = 6;
  const auto answer = asker.ask_one(count);
  CHECK(answer.over);
  CHECK_FALSE(answer.recorded);
  CHECK(answer.retry_after == Duration::max());
  CHECK(asker.held(count) == 0);
}

inline void several_at_once_are_all_admitted_or_none(StoreAsker& asker) {
  store::Count count = counted("client:192.0.2.1", {{60s, 10}});
  count.n = 7;
  CHECK(asker.ask_one(count).recorded);
  const auto refused = asker.ask_one(count);
  CHECK(refused.over);
  CHECK(refused.count == 14);
  CHECK(asker.held(count) == 7);
  count.n = 3;
  CHECK(asker.ask_one(count).recorded);
}

inline void the_window_with_the_longest_wait_is_named(StoreAsker& asker) {
  const store::Count count = counted("client:192.0.2.1", {{60s, 2}, {1h, 4}, {24h, 6}});
  CHECK(asker.recorded(count, 9) == 2);
  CHECK(asker.ask_one(count).window == 0);
  asker.advance(65s);
  CHECK(asker.recorded(count, 9) == 2);
  const auto both = asker.ask_one(count);
  CHECK(both.window == 1);
  CHECK(both.count == 5);
  asker.advance(65min);
  CHECK(asker.recorded(count, 9) == 2);
  const auto all = asker.ask_one(count);
  CHECK(all.window == 2);
  CHECK(all.count == 7);
  CHECK(all.retry_after > 20h);
  asker.advance(26h);
  CHECK(asker.recorded(count, 9) == 2);
}

inline void the_fullest_window_is_named_while_there_is_room(StoreAsker& asker) {
  const store::Count count = counted("client:192.0.2.1", {{1h, 100}, {60s, 10}, {24h, Window::no_limit}});
  CHECK(asker.ask_one(count).window == 1);
  asker.advance(10min);
  store::Count look = count;
  look.n = 0;
  CHECK(asker.ask_one(look).window == 0);
  CHECK(asker.ask_one(look).count == 1);
}

inline void more_windows_than_three_hold_too(StoreAsker& asker) {
  const store::Count count =
      counted("client:192.0.2.1", {{1s, 100}, {10s, 90}, {60s, 80}, {10min, 70}, {1h, 5}, {24h, 100'000}});
  CHECK(asker.recorded(count, 9) == 5);
  CHECK(asker.ask_one(count).window == 4);
}

inline void looking_changes_nothing(StoreAsker& asker) {
  store::Count count = counted("client:192.0.2.1", {{60s, 1}});
  CHECK(asker.held(count) == 0);
  count.n = 0;
  for (int i = 0; i < 5; ++i) {
    const auto answer = asker.ask_one(count);
    CHECK(answer.count == 0);
    CHECK_FALSE(answer.over);
    CHECK_FALSE(answer.recorded);
  }
  count.n = 1;
  CHECK(asker.ask_one(count).recorded);
  count.n = 0;
  CHECK_FALSE(asker.ask_one(count).over);
}

// Of every kind: rings of all widths, distinct members that are known and that are not, and what stops them.
inline void a_look_changes_nothing(StoreAsker& asker) {
  const auto ring = counted("client:192.0.2.1", {{60s, 2}, {1h, 100'000}});
  auto members = counted_member("client:192.0.2.1", {{60s, 1}}, "a");
  members.counter = "members";
  const auto elsewhere = counted("client:192.0.2.2", {{61ms, 1}, {60s, 1}, {1h, 1}, {24h, Window::no_limit}});
  for (int i = 0; i < 5; ++i) {
    const auto answers = asker.look({ring, members, elsewhere});
    for (const auto& answer : answers) {
      CHECK(answer.count == 1);
      CHECK(answer.recorded);
    }
  }
  CHECK(asker.held(ring) == 0);
  CHECK(asker.held(members) == 0);
  CHECK(asker.held(elsewhere) == 0);
  asker.ask({ring, members, elsewhere});
  members.member = "b";
  for (int i = 0; i < 5; ++i) {
    asker.advance(1s);
    const auto answers = asker.look({ring, members, elsewhere});
    CHECK_FALSE(answers[0].recorded);
    CHECK(answers[1].over);
    CHECK(answers[1].count == 2);
    CHECK(answers[1].retry_after == 60s - (i + 1) * 1s);
    CHECK(answers[2].over);
  }
  members.member = "a";
  CHECK(asker.look({members})[0].recorded);
  // It was not refreshed.
  asker.advance(55s - asker.resolution());
  CHECK(asker.held(members) == 1);
  asker.advance(asker.resolution());
  CHECK(asker.held(members) == 0);
}

// Slices begin, sums move on, and keys live as they would have.
inline void looks_between_asks_move_nothing(StoreAsker& asker) {
  const auto count = counted("client:192.0.2.1", {{12s, 5}, {60s, 70'000}, {120s, 7}});
  int recorded = 0;
  for (int second = 0; second < 240; ++second) {
    asker.look({count});
    if (second % 4 == 0) recorded += asker.ask_one(count).recorded ? 1 : 0;
    asker.look({count});
    asker.advance(1s);
  }
  CHECK(recorded == 14);
}

inline void a_lowered_limit_keeps_what_was_counted(StoreAsker& asker) {
  store::Count count = counted("client:192.0.2.1", {{60s, 5}});
  CHECK(asker.recorded(count, 5) == 5);
  count.windows.front().limit = 3;
  count.n = 0;
  const auto answer = asker.ask_one(count);
  CHECK(answer.over);
  CHECK(answer.count == 5);
  CHECK(answer.retry_after > 60s);
}

inline void a_window_without_a_limit_always_records(StoreAsker& asker) {
  store::Count statistics = counted("client:192.0.2.1", {{60s, Window::no_limit}, {1h, Window::no_limit}});
  store::Count limited = counted("client:192.0.2.1", {{60s, 1}});
  limited.counter = "limited";
  for (std::uint64_t i = 1; i <= 4; ++i) {
    const auto answers = asker.ask({limited, statistics});
    CHECK(answers[0].over == (i > 1));
    CHECK(answers[1].recorded);
    CHECK_FALSE(answers[1].over);
    CHECK(answers[1].window == 0);
    CHECK(answers[1].count == i);
  }
}

inline void an_unlimited_window_beside_a_limited_one_shares_its_fate(StoreAsker& asker) {
  store::Count count = counted("client:192.0.2.1", {{60s, Window::no_limit}, {60s, 2}});
  CHECK(asker.recorded(count, 5) == 2);
  const auto answer = asker.ask_one(count);
  CHECK(answer.window == 1);
  CHECK(answer.count == 3);
}

// A binding count that is over, of the first grain, and what becomes of a count of the second.
inline void grains_gate_what_is_finer(StoreAsker& asker) {
  struct Row {
    const char* label;
    Grain refused;
    Grain other;
    bool recorded;
  };
  const Row rows[] = {
      {"connection stops connection", Grain::connection, Grain::connection, false},
      {"connection stops message", Grain::connection, Grain::message, false},
      {"connection stops recipient", Grain::connection, Grain::recipient, false},
      {"message leaves connection", Grain::message, Grain::connection, true},
      {"message stops message", Grain::message, Grain::message, false},
      {"message stops recipient", Grain::message, Grain::recipient, false},
      {"recipient leaves connection", Grain::recipient, Grain::connection, true},
      {"recipient leaves message", Grain::recipient, Grain::message, true},
      {"recipient stops recipient", Grain::recipient, Grain::recipient, false},
  };
  for (const Row& row : rows) {
    for (const bool refused_first : {true, false}) {
      CAPTURE(row.label);
      CAPTURE(refused_first);
      const std::string entity = std::string("client:") + row.label + (refused_first ? " first" : " last");
      store::Count refused = counted(entity, {{60s, 1}});
      refused.grain = row.refused;
      refused.n = 2;
      store::Count other = counted(entity, {{60s, 10}});
      other.counter = "other";
      other.grain = row.other;
      const auto answers = refused_first ? asker.ask({refused, other}) : asker.ask({other, refused});
      CHECK(answers[refused_first ? 0 : 1].over);
      CHECK_FALSE(answers[refused_first ? 1 : 0].over);
      CHECK(answers[refused_first ? 1 : 0].recorded == row.recorded);
      CHECK(asker.held(other) == (row.recorded ? 1 : 0));
    }
  }
}

inline void a_monitored_count_stops_nothing(StoreAsker& asker) {
  store::Count monitored = counted("client:192.0.2.1", {{60s, 1}});
  monitored.binding = false;
  store::Count other = counted("client:192.0.2.1", {{60s, 10}});
  other.counter = "other";
  asker.ask({monitored, other});
  const auto answers = asker.ask({monitored, other});
  CHECK(answers[0].over);
  CHECK_FALSE(answers[0].recorded);
  CHECK(answers[1].recorded);
  CHECK(asker.held(monitored) == 1);
  CHECK(asker.held(other) == 2);
}

inline void a_monitored_count_is_stopped_by_a_binding_one(StoreAsker& asker) {
  store::Count monitored = counted("client:192.0.2.1", {{60s, 10}});
  monitored.binding = false;
  store::Count binding = counted("client:192.0.2.1", {{60s, 1}});
  binding.counter = "binding";
  CHECK(asker.ask({monitored, binding})[0].recorded);
  CHECK_FALSE(asker.ask({monitored, binding})[0].recorded);
  CHECK(asker.held(monitored) == 1);
}

inline void entities_of_a_batch_do_not_touch_each_other(StoreAsker& asker) {
  store::Count client = counted("client:192.0.2.1", {{60s, 1}});
  store::Count sender = counted("sender:a@example.org", {{60s, 5}});
  store::Count client_too = counted("client:192.0.2.1", {{60s, 5}});
  client_too.counter = "other";
  CHECK(asker.ask({client, sender, client_too})[2].recorded);
  const auto answers = asker.ask({client, sender, client_too});
  CHECK(answers[0].over);
  CHECK(answers[1].recorded);
  CHECK(answers[1].count == 2);
  CHECK_FALSE(answers[2].recorded);
  CHECK(answers[2].count == 2);
}

inline void names_do_not_run_into_each_other(StoreAsker& asker) {
  store::Count count = counted("client:a", {{60s, 1}});
  count.counter = "bc";
  CHECK(asker.ask_one(count).recorded);
  count.entity = "client:ab";
  count.counter = "c";
  CHECK(asker.ask_one(count).recorded);
  count.entity = "client:" + std::string(2000, 'x') + "1";
  CHECK(asker.ask_one(count).recorded);
  CHECK_FALSE(asker.ask_one(count).recorded);
  count.entity.back() = '2';
  CHECK(asker.ask_one(count).recorded);
}

inline void an_empty_batch_is_answered(StoreAsker& asker) {
  CHECK(asker.ask({}).empty());
}

inline void a_turn_is_carried_out_in_its_order(StoreAsker& asker) {
  const auto answers =
      asker.ask_in_one_turn({counted("client:192.0.2.1", {{60s, 2}}), counted("client:192.0.2.1", {{60s, 2}}),
                             counted("client:192.0.2.2", {{60s, 2}}), counted("client:192.0.2.1", {{60s, 2}})});
  REQUIRE(answers.size() == 4);
  CHECK(answers[0].count == 1);
  CHECK(answers[1].count == 2);
  CHECK(answers[1].recorded);
  CHECK(answers[2].count == 1);
  CHECK(answers[3].over);
}

inline void changed_windows_start_anew(StoreAsker& asker) {
  store::Count count = counted("client:192.0.2.1", {{60s, 2}});
  CHECK(asker.recorded(count, 3) == 2);
  count.windows.front().length = 61s;
  CHECK(asker.recorded(count, 3) == 2);
}

inline void what_has_left_its_window_is_forgotten(StoreAsker& asker) {
  const store::Count count = counted("client:192.0.2.1", {{60s, 2}});
  for (int round = 0; round < 3; ++round) {
    CHECK(asker.recorded(count, 3) == 2);
    asker.advance(60s);
    asker.tick();
    asker.advance(5s);
    CHECK(asker.held(count) == 0);
  }
}

inline void large_numbers_do_not_wrap(StoreAsker& asker) {
  store::Count bytes = counted("login:a", {{1h, 10'000'000'000}});
  bytes.n = 4'000'000'000;
  CHECK(asker.recorded(bytes, 5) == 2);
  CHECK(asker.held(bytes) == 8'000'000'000);
  store::Count above = counted("login:b", {{1h, 65'536}});
  above.n = 65'535;
  CHECK(asker.recorded(above, 3) == 1);
  store::Count endless = counted("login:c", {{1h, Window::no_limit}});
  endless.n = ~std::uint64_t{0};
  CHECK(asker.recorded(endless, 3) == 3);
  CHECK(asker.held(endless) >= std::uint64_t{1} << 32U);
}

inline void time_that_goes_back_loses_nothing(StoreAsker& asker) {
  const store::Count count = counted("client:192.0.2.1", {{60s, 2}});
  CHECK(asker.ask_one(count).recorded);
  asker.advance(-30s);
  CHECK(asker.ask_one(count).recorded);
  const auto answer = asker.ask_one(count);
  CHECK(answer.over);
  CHECK(answer.retry_after > 90s);
  asker.advance(answer.retry_after);
  CHECK(asker.ask_one(count).recorded);
}

inline void distinct_members_are_counted_once(StoreAsker& asker) {
  const store::Windows windows{{60s, 2}};
  for (const char* member : {"a", "b", "a", "b", "a"}) {
    CAPTURE(member);
    CHECK(asker.ask_one(counted_member("sender:x", windows, member)).recorded);
  }
  const auto refused = asker.ask_one(counted_member("sender:x", windows, "c"));
  CHECK(refused.over);
  CHECK(refused.count == 3);
  CHECK_FALSE(refused.recorded);
  CHECK(asker.ask_one(counted_member("sender:x", windows, "a")).count == 2);
  CHECK(asker.held(counted_member("sender:x", windows, "c")) == 2);
  // The same counter without members is another memory.
  CHECK(asker.held(counted("sender:x", windows)) == 0);
}

inline void distinct_retry_after_is_exact(StoreAsker& asker) {
  const store::Windows windows{{60s, 2}, {1h, 3}};
  asker.ask_one(counted_member("sender:x", windows, "a"));
  asker.advance(10s);
  asker.ask_one(counted_member("sender:x", windows, "b"));
  asker.advance(10s);
  asker.ask_one(counted_member("sender:x", windows, "a"));  // refreshed: b is the oldest now
  asker.advance(10s);
  const auto refused = asker.ask_one(counted_member("sender:x", windows, "c"));
  REQUIRE(refused.over);
  CHECK(refused.window == 0);
  CHECK(refused.retry_after == 40s);
  asker.advance(40s - asker.resolution());
  CHECK(asker.ask_one(counted_member("sender:x", windows, "c")).over);
  asker.advance(asker.resolution());
  CHECK(asker.ask_one(counted_member("sender:x", windows, "c")).recorded);
  asker.advance(60s);
  const auto hour = asker.ask_one(counted_member("sender:x", windows, "d"));
  CHECK(hour.over);
  CHECK(hour.window == 1);
  CHECK(hour.count == 4);
  CHECK(hour.retry_after == 1h + 10s - 130s);
}

inline void distinct_counts_reach_their_most(StoreAsker& asker) {
  const store::Windows windows{{1h, store::distinct_most}};
  for (std::uint64_t i = 0; i < store::distinct_most; ++i) {
    REQUIRE(asker.ask_one(counted_member("sender:x", windows, std::to_string(i))).recorded);
    asker.advance(1ms);
  }
  CHECK(asker.ask_one(counted_member("sender:x", windows, "one more")).over);
  CHECK(asker.ask_one(counted_member("sender:x", windows, "0")).recorded);
  CHECK(asker.held(counted_member("sender:x", windows, "0")) == store::distinct_most);
  asker.advance(61min);
  CHECK(asker.held(counted_member("sender:x", windows, "0")) == 0);
}

inline void distinct_counts_gate_and_are_gated(StoreAsker& asker) {
  store::Count recipients = counted("client:192.0.2.1", {{60s, 1}});
  recipients.grain = Grain::recipient;
  store::Count distinct = counted_member("client:192.0.2.1", {{60s, 10}}, "a");
  distinct.grain = Grain::recipient;
  CHECK(asker.ask({recipients, distinct})[1].recorded);
  distinct.member = "b";
  CHECK_FALSE(asker.ask({recipients, distinct})[1].recorded);
  CHECK(asker.held(distinct) == 1);
  distinct.windows.front().limit = 1;
  store::Count finer = counted("client:192.0.2.1", {{60s, 10}});
  finer.counter = "finer";
  finer.grain = Grain::recipient;
  CHECK_FALSE(asker.ask({distinct, finer})[1].recorded);
}

inline store::Count gauge(std::string entity, std::uint64_t n, std::uint64_t limit) {
  store::Count count = counted(std::move(entity), {{10s, limit}});
  count.counter = "open";
  count.gauge = true;
  count.n = n;
  return count;
}

inline void a_gauge_is_set_and_not_added_to(StoreAsker& asker) {
  for (const std::uint64_t n : {3, 3, 7, 2, 0, 1}) {
    const auto answer = asker.ask_one(gauge("client:192.0.2.1", n, 7));
    CHECK(answer.count == n);
    CHECK(answer.recorded);
    CHECK_FALSE(answer.over);
  }
}

inline void a_gauge_over_its_limit_stands_all_the_same(StoreAsker& asker) {
  const auto answer = asker.ask_one(gauge("client:192.0.2.1", 8, 7));
  CHECK(answer.over);
  CHECK(answer.recorded);
  CHECK(answer.count == 8);
  CHECK(answer.retry_after == 0ns);
  CHECK_FALSE(asker.ask_one(gauge("client:192.0.2.1", 8, Window::no_limit)).over);
  CHECK_FALSE(asker.ask_one(gauge("client:192.0.2.1", 7, 7)).over);
}

inline void a_gauge_gates_and_is_not_gated(StoreAsker& asker) {
  store::Count open = gauge("client:192.0.2.1", 2, 1);
  const store::Count rate = counted("client:192.0.2.1", {{60s, 1}});
  CHECK_FALSE(asker.ask({open, rate})[1].recorded);
  open.binding = false;
  CHECK(asker.ask({rate, open})[0].recorded);
  open.binding = true;
  open.n = 1;
  const auto answers = asker.ask({rate, open});
  CHECK(answers[0].over);
  CHECK(answers[1].recorded);
}

inline void a_gauge_that_is_looked_at_is_not_said(StoreAsker& asker) {
  CHECK(asker.look({gauge("client:192.0.2.1", 5, 7)})[0].count == 5);
  CHECK(asker.ask_one(gauge("client:192.0.2.1", 2, 7)).count == 2);
  const store::Count rate = counted("client:192.0.2.1", {{60s, 1}});
  const auto answers = asker.look({gauge("client:192.0.2.1", 8, 7), rate});
  CHECK(answers[0].over);
  CHECK(answers[0].recorded);
  CHECK_FALSE(answers[1].recorded);
  CHECK(asker.ask({gauge("client:192.0.2.1", 7, 7), rate})[1].recorded);
}

inline void gauges_of_an_entity_are_apart(StoreAsker& asker) {
  store::Count other = gauge("client:192.0.2.1", 5, 7);
  other.counter = "other";
  const auto answers = asker.ask({gauge("client:192.0.2.1", 2, 7), other});
  CHECK(answers[0].count == 2);
  CHECK(answers[1].count == 5);
  CHECK(asker.ask_one(gauge("client:192.0.2.2", 1, 7)).count == 1);
}

struct Promise {
  const char* text;
  void (*check)(StoreAsker&);
};

inline constexpr Promise promises[] = {
    {"a limit admits exactly so many", admits_exactly_the_limit},
    {"what is refused is not counted", what_is_refused_is_not_counted},
    {"retry_after is exact", retry_after_is_exact},
    {"more than a window admits is refused for ever", more_than_a_window_admits_is_refused_for_ever},
    {"several at once are all admitted or none", several_at_once_are_all_admitted_or_none},
    {"the window with the longest wait is named", the_window_with_the_longest_wait_is_named},
    {"the fullest window is named while there is room", the_fullest_window_is_named_while_there_is_room},
    {"more windows than three hold too", more_windows_than_three_hold_too},
    {"looking changes nothing", looking_changes_nothing},
    {"a look changes nothing, whatever is looked at", a_look_changes_nothing},
    {"looks between asks move nothing", looks_between_asks_move_nothing},
    {"a lowered limit keeps what was counted", a_lowered_limit_keeps_what_was_counted},
    {"a count without a limit always records", a_window_without_a_limit_always_records},
    {"an unlimited window beside a limited one shares its fate",
     an_unlimited_window_beside_a_limited_one_shares_its_fate},
    {"a refusal stops its own grain and what is finer", grains_gate_what_is_finer},
    {"a monitored count stops nothing", a_monitored_count_stops_nothing},
    {"a monitored count is stopped by a binding one", a_monitored_count_is_stopped_by_a_binding_one},
    {"entities of a batch do not touch each other", entities_of_a_batch_do_not_touch_each_other},
    {"names do not run into each other", names_do_not_run_into_each_other},
    {"an empty batch is answered", an_empty_batch_is_answered},
    {"a turn is carried out in its order", a_turn_is_carried_out_in_its_order},
    {"changed windows start anew", changed_windows_start_anew},
    {"what has left its window is forgotten", what_has_left_its_window_is_forgotten},
    {"large numbers do not wrap", large_numbers_do_not_wrap},
    {"time that goes back loses nothing", time_that_goes_back_loses_nothing},
    {"distinct members are counted once", distinct_members_are_counted_once},
    {"the retry_after of distinct counts is exact", distinct_retry_after_is_exact},
    {"distinct counts reach their most", distinct_counts_reach_their_most},
    {"distinct counts gate and are gated", distinct_counts_gate_and_are_gated},
};

inline constexpr Promise gauge_promises[] = {
    {"a gauge is set and not added to", a_gauge_is_set_and_not_added_to},
    {"a gauge over its limit stands all the same", a_gauge_over_its_limit_stands_all_the_same},
    {"a gauge gates and is not gated", a_gauge_gates_and_is_not_gated},
    {"a gauge that is looked at is not said", a_gauge_that_is_looked_at_is_not_said},
    {"gauges of an entity are apart", gauges_of_an_entity_are_apart},
};

}  // namespace conformance

inline void check_promises(const StoreFactory& factory, std::span<const conformance::Promise> promises) {
  for (const conformance::Promise& promise : promises) {
    const std::string text = promise.text;
    CAPTURE(text);
    StoreAsker asker(factory());
    promise.check(asker);
  }
}

inline void check_store_conformance(const StoreFactory& factory) {
  check_promises(factory, conformance::promises);
}

inline void check_gauge_conformance(const StoreFactory& factory) {
  check_promises(factory, conformance::gauge_promises);
}

}  // namespace mxwarden::tests
