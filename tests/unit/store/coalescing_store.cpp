#include "store/coalescing_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "store/cached_store.hpp"
#include "store/embedded_store.hpp"
#include "store/resilient_store.hpp"
#include "support/connected_store.hpp"
#include "support/redis_server.hpp"
#include "support/store_conformance.hpp"
#include "support/store_property.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;
using store::Window;
using tests::counted;

// Another host with a memory of its own: it counts when it is told to, and can be away.
class DistantStore final : public store::Store {
 public:
  struct Asked {
    store::Batch batch;  // as it was when it was asked
    Instant deadline;
  };

  void execute(const store::Batch& batch, Instant deadline, store::Completion completion) override {
    asked.push_back({batch, deadline});
    under_way_.push_back({&batch, deadline, std::move(completion)});
  }
  void flush() override {
    sent_ = under_way_.size();
    if (answers_at_once) answer_all();
  }
  void tick(Instant) override { ++ticks; }
  std::string_view name() const override { return "distant"; }

  std::size_t sent() const { return sent_; }

  // The first so many of those that were sent; outside a turn, so it flushes what the completions ask.
  void answer(std::size_t most) {
    for (; most > 0 && sent_ > 0; --most) {
      --sent_;
      const auto one = std::move(under_way_.front());
      under_way_.erase(under_way_.begin());
      if (away) {
        one.completion({});
        continue;
      }
      std::vector<store::CountAnswer> answers;
      embedded.execute(*one.batch, one.deadline,
                       [&](store::Answers told) { answers.assign(told.begin(), told.end()); });
      embedded.flush();
      if (answered) answered(*one.batch, answers);
      one.completion(answers);
    }
    sent_ = under_way_.size();
  }
  void answer() { answer(sent_); }
  void answer_all() {
    while (sent_ > 0) answer();
  }

  std::vector<Asked> asked;
  std::function<void(const store::Batch&, store::Answers)> answered;
  bool away = false;
  bool answers_at_once = false;
  int ticks = 0;
  store::EmbeddedStore embedded{{100'000, 7}};

 private:
  struct UnderWay {
    const store::Batch* batch;
    Instant deadline;
    store::Completion completion;
  };
  std::vector<UnderWay> under_way_;
  std::size_t sent_ = 0;
};

struct Stack {
  DistantStore distant;
  store::CoalescingStore store{distant};
  ManualClock clock;

  // What a batch was told.
  struct Told {
    store::Batch batch;
    bool told = false;
    std::vector<store::CountAnswer> answers;

    std::uint64_t count(std::size_t at = 0) const { return answers.at(at).count; }
    bool recorded(std::size_t at = 0) const { return answers.at(at).recorded; }
    bool failed() const { return told && answers.empty(); }
  };
  std::vector<std::unique_ptr<Told>> all;

  Told& ask(std::vector<store::Count> counts, Duration within = 1s) {
    auto& one = *all.emplace_back(std::make_unique<Told>());
    one.batch.now = clock.now();
    for (auto& count : counts) one.batch.counts.add() = std::move(count);
    store.execute(one.batch, clock.now() + within, [&one](store::Answers answers) {
      REQUIRE_FALSE(one.told);
      one.told = true;
      one.answers.assign(answers.begin(), answers.end());
    });
    return one;
  }
  // In a turn of its own.
  Told& ask_now(std::vector<store::Count> counts, Duration within = 1s) {
    auto& one = ask(std::move(counts), within);
    store.flush();
    return one;
  }
  std::uint64_t held(store::Count count) {
    count.n = 0;
    const auto& look = ask_now({std::move(count)});
    distant.answer_all();
    return look.count();
  }
};

store::Count client(std::uint64_t limit, std::uint64_t n = 1) {
  auto count = counted("client:192.0.2.7", {{60s, limit}});
  count.n = n;
  return count;
}

}  // namespace

TEST_CASE("a batch that nobody shares goes through as it is, within its turn") {
  Stack stack;
  const auto& told = stack.ask_now({client(5)}, 3s);
  REQUIRE(stack.distant.sent() == 1);
  CHECK(stack.distant.asked[0].deadline == stack.clock.now() + 3s);
  CHECK(stack.distant.asked[0].batch.now == stack.clock.now());
  stack.distant.answer();
  CHECK(told.count() == 1);
  CHECK(told.recorded());
  CHECK(stack.store.name() == "distant");
  stack.store.tick(stack.clock.now());
  CHECK(stack.distant.ticks == 1);
}

TEST_CASE("those of one turn are asked together, each is told what it would have been alone") {
  Stack stack;
  const auto& first = stack.ask({client(20)});
  const auto& second = stack.ask({client(20, 3)});
  const auto& third = stack.ask({client(20)});
  stack.store.flush();
  CHECK(stack.distant.asked.size() == 1);
  stack.distant.answer();
  CHECK(first.count() == 1);
  CHECK(second.count() == 4);
  CHECK(third.count() == 5);
  for (const auto& told : stack.all) CHECK(told->recorded());
  CHECK(stack.held(client(20)) == 5);
}

TEST_CASE(
    "what comes while one is outstanding waits, and goes out as one with its sum, newest time and first deadline") {
  Stack stack;
  stack.ask_now({client(20)}, 1s);
  const auto first_deadline = stack.clock.now() + 2s;
  stack.ask_now({client(20)}, 2s);
  stack.clock.advance(10ms);
  stack.ask_now({client(20, 2)}, 5s);
  stack.ask_now({client(20)}, 1995ms);
  CHECK(stack.distant.asked.size() == 1);
  stack.distant.answer();
  REQUIRE(stack.distant.asked.size() == 2);
  const auto& sum = stack.distant.asked[1];
  CHECK(sum.batch.counts[0].n == 4);
  CHECK(sum.batch.now == stack.clock.now());
  CHECK(sum.deadline == first_deadline);
  CHECK(stack.all[0]->told);
  CHECK_FALSE(stack.all[1]->told);
  stack.distant.answer();
  CHECK(stack.all[1]->count() == 2);
  CHECK(stack.all[2]->count() == 4);
  CHECK(stack.all[3]->count() == 5);
  // Nothing is left of it.
  CHECK(stack.ask_now({client(20)}).told == false);
  CHECK(stack.distant.asked.size() == 3);
}

TEST_CASE("of gauges the highest is said, and each is told its own") {
  Stack stack;
  const auto open = [](std::uint64_t n) { return tests::conformance::gauge("client:192.0.2.7", n, 5); };
  const auto& first = stack.ask({open(3), client(20)});
  const auto& second = stack.ask({open(4), client(20)});
  stack.store.flush();
  REQUIRE(stack.distant.asked.size() == 1);
  CHECK(stack.distant.asked[0].batch.counts[0].n == 4);
  stack.distant.answer_all();
  CHECK(first.count(0) == 3);
  CHECK(second.count(0) == 4);
  CHECK(second.count(1) == 2);

  const auto& fits = stack.ask({open(5), client(20)});
  const auto& one_too_many = stack.ask({open(6), client(20)});
  stack.store.flush();
  stack.distant.answer_all();
  CHECK(fits.recorded(1));
  CHECK_FALSE(fits.answers[0].over);
  CHECK(one_too_many.answers[0].over);
  CHECK_FALSE(one_too_many.recorded(1));
  CHECK(stack.held(client(20)) == 3);
}

TEST_CASE("one is no reason to add up: alone behind an outstanding one, it goes out as it is") {
  Stack stack;
  stack.ask_now({client(20)});
  auto& second = stack.ask_now({client(20)}, 7s);
  stack.distant.answer();
  CHECK(stack.distant.asked[1].deadline == stack.clock.now() + 7s);
  stack.distant.answer();
  CHECK(second.count() == 2);
}

TEST_CASE("when they do not all fit, exactly so many are admitted") {
  SUBCASE("as the sum was refused") {
    Stack stack;
    for (int i = 0; i < 5; ++i) stack.ask({client(3)});
    stack.store.flush();
    stack.distant.answer();
    CHECK(stack.distant.sent() == 5);
    stack.distant.answer();
    CHECK(stack.distant.asked.size() == 6);
    for (std::size_t i = 0; i < 5; ++i) {
      CAPTURE(i);
      CHECK(stack.all[i]->recorded() == (i < 3));
      CHECK(stack.all[i]->answers[0].over == (i >= 3));
      CHECK(stack.all[i]->count() == std::min<std::size_t>(i + 1, 4));
    }
    CHECK(stack.all[4]->answers[0].retry_after > 60s);
  }
  SUBCASE("and as the last answer shows, the sum is not even tried") {
    Stack stack;
    stack.ask_now({client(5, 3)});
    for (int i = 0; i < 3; ++i) stack.ask_now({client(5)});
    stack.distant.answer();
    CHECK(stack.distant.sent() == 3);
    stack.distant.answer();
    CHECK(stack.all[2]->recorded());
    CHECK(stack.all[3]->answers[0].over);
    CHECK(stack.held(client(5)) == 5);
  }
}

TEST_CASE("what comes while some are asked one by one waits for the last of them") {
  Stack stack;
  for (int i = 0; i < 3; ++i) stack.ask({client(2)});
  stack.store.flush();
  stack.distant.answer();
  REQUIRE(stack.distant.sent() == 3);
  stack.ask_now({client(2)});
  stack.ask_now({client(2)});
  CHECK(stack.distant.sent() == 3);
  stack.distant.answer(2);
  CHECK(stack.distant.sent() == 1);
  stack.distant.answer(1);
  CHECK(stack.distant.sent() == 2);
  stack.distant.answer();
  for (std::size_t i = 0; i < 5; ++i) CHECK(stack.all[i]->recorded() == (i < 2));
}

TEST_CASE("of a sum that was recorded in part only the rest is asked again") {
  Stack stack;
  const auto sender = [](std::uint64_t n) {
    auto count = counted("sender:a@example.org", {{60s, 3}});
    count.n = n;
    return count;
  };
  auto statistics = counted("sender:a@example.org", {{60s, Window::no_limit}});
  statistics.counter = "attempts";
  for (int i = 0; i < 3; ++i) stack.ask({client(10), sender(2), statistics});
  stack.store.flush();
  stack.distant.answer();
  REQUIRE(stack.distant.asked.size() == 4);
  for (std::size_t i = 1; i < 4; ++i) {
    REQUIRE(stack.distant.asked[i].batch.counts.size() == 1);
    CHECK(stack.distant.asked[i].batch.counts[0].entity == "sender:a@example.org");
  }
  stack.distant.answer();
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(stack.all[i]->count(0) == i + 1);
    CHECK(stack.all[i]->recorded(0));
    CHECK(stack.all[i]->recorded(1) == (i == 0));
    CHECK(stack.all[i]->answers[1].over == (i > 0));
    CHECK(stack.all[i]->count(2) == i + 1);
    CHECK(stack.all[i]->recorded(2));
  }
  CHECK(stack.held(client(10)) == 3);
  CHECK(stack.held(sender(1)) == 2);
}

TEST_CASE("only what differs in nothing but n is asked together") {
  const auto goes_together = [](const std::vector<store::Count>& one, const std::vector<store::Count>& other) {
    Stack stack;
    stack.ask_now(one);
    stack.ask_now(other);
    return stack.distant.sent() == 1;
  };
  CHECK(goes_together({client(5)}, {client(5)}));
  CHECK(goes_together({client(5)}, {client(5, 3)}));

  const auto differs = [&](const std::function<void(store::Count&)>& change) {
    auto changed = client(5);
    change(changed);
    return !goes_together({client(5)}, {changed});
  };
  CHECK(differs([](auto& count) { count.entity = "client:192.0.2.8"; }));
  CHECK(differs([](auto& count) { count.counter = "other"; }));
  CHECK(differs([](auto& count) { count.windows = {{61s, 5}}; }));
  CHECK(differs([](auto& count) { count.windows = {{60s, 6}}; }));
  CHECK(differs([](auto& count) { count.windows = {{60s, 5}, {1h, 5}}; }));
  CHECK(differs([](auto& count) { count.grain = store::Grain::message; }));
  CHECK(differs([](auto& count) { count.binding = false; }));
  CHECK(differs([](auto& count) { count.gauge = true; }));
  CHECK_FALSE(goes_together({client(5)}, {client(5), counted("sender:a", {{60s, 5}})}));

  const auto passes = [&](const std::function<void(store::Count&)>& change) {
    auto changed = client(5);
    change(changed);
    return !goes_together({changed}, {changed}) &&
           !goes_together({counted("x", {{1s, 1}}), changed}, {counted("x", {{1s, 1}}), changed});
  };
  CHECK(passes([](auto& count) { count.n = 0; }));
  CHECK(passes([](auto& count) { count.member = "a"; }));
  CHECK(passes([](auto& count) { count.n = ~std::uint64_t{0}; }));
}

TEST_CASE("what is not answered is not answered to any, and those behind are asked all the same") {
  Stack stack;
  for (int i = 0; i < 3; ++i) stack.ask({client(20)});
  stack.store.flush();
  stack.ask_now({client(20)});
  stack.ask_now({client(20)});
  stack.distant.away = true;
  stack.distant.answer();
  for (std::size_t i = 0; i < 3; ++i) CHECK(stack.all[i]->failed());
  CHECK_FALSE(stack.all[3]->told);
  CHECK(stack.distant.sent() == 1);
  stack.distant.away = false;
  stack.distant.answer();
  CHECK(stack.all[3]->count() == 1);
  CHECK(stack.all[4]->count() == 2);
}

TEST_CASE("of those that are asked one by one each fails alone") {
  Stack stack;
  for (int i = 0; i < 3; ++i) stack.ask({client(2)});
  stack.store.flush();
  stack.distant.answer();
  stack.distant.answer(1);
  stack.distant.away = true;
  stack.distant.answer(1);
  stack.distant.away = false;
  stack.distant.answer(1);
  CHECK(stack.all[0]->recorded());
  CHECK(stack.all[1]->failed());
  CHECK(stack.all[2]->recorded());
}

TEST_CASE("who has less time than those that are outstanding does not wait for them") {
  Stack stack;
  stack.ask_now({client(20)}, 1s);
  stack.ask_now({client(20)}, 999ms);
  CHECK(stack.distant.sent() == 2);
  stack.ask_now({client(20)}, 1s);
  CHECK(stack.distant.sent() == 2);
  stack.distant.answer();
  CHECK(stack.distant.sent() == 1);
  stack.distant.answer();
  for (std::size_t i = 0; i < 3; ++i) CHECK(stack.all[i]->count() == i + 1);

  SUBCASE("nor for the latest of a sum, which may be asked again one by one") {
    stack.ask({client(20)}, 1s);
    stack.ask({client(20)}, 3s);
    stack.store.flush();
    stack.ask_now({client(20)}, 2s);
    CHECK(stack.distant.sent() == 2);
  }
}

TEST_CASE("whose completions ask again are answered, in and outside a turn") {
  for (const bool at_once : {false, true}) {
    CAPTURE(at_once);
    Stack stack;
    stack.distant.answers_at_once = at_once;
    struct Asker {
      store::Batch batch;
      int left = 4;
      std::vector<std::uint64_t> counts;
    };
    std::vector<Asker> askers(3);
    std::function<void(Asker&)> ask = [&](Asker& asker) {
      asker.batch.now = stack.clock.now();
      asker.batch.counts = {client(10)};
      stack.store.execute(asker.batch, stack.clock.now() + 1s, [&](store::Answers answers) {
        asker.counts.push_back(answers[0].recorded ? answers[0].count : 0);
        asker.batch.counts.clear();  // it is the asker's again
        if (--asker.left > 0) ask(asker);
      });
    };
    for (auto& asker : askers) {
      ask(asker);
      if (!at_once) stack.store.flush();
    }
    stack.store.flush();
    stack.distant.answer_all();
    std::vector<std::uint64_t> counts;
    for (const auto& asker : askers) counts.insert(counts.end(), asker.counts.begin(), asker.counts.end());
    std::ranges::sort(counts);
    CHECK(counts == std::vector<std::uint64_t>{0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  }
}

TEST_CASE("many questions at once do not get in each other's way, whatever place they take") {
  Stack stack;
  constexpr std::size_t clients = 20'000;  // more than there are places
  const auto ask_all = [&] {
    for (std::size_t i = 0; i < clients; ++i) stack.ask({counted("client:" + std::to_string(i), {{60s, 2}})});
    stack.store.flush();
  };
  for (int round = 0; round < 3; ++round) ask_all();
  stack.distant.answer_all();
  for (std::size_t i = 0; i < stack.all.size(); ++i) {
    REQUIRE(stack.all[i]->recorded() == (i < 2 * clients));
    REQUIRE(stack.all[i]->count() == i / clients + 1);
  }
}

TEST_CASE("a refusal that is known is given at once, though a call of that client is outstanding") {
  DistantStore distant;
  store::CoalescingStore coalescing(distant);
  store::CachedStore cached(coalescing, {.seed = 3});
  store::EmbeddedStore embedded({1000, 1});
  store::ResilientStore front(cached, embedded);
  ManualClock clock;
  store::Batch batch;
  batch.now = clock.now();
  batch.counts = {client(1)};
  int refused = 0;
  const auto ask = [&] {
    front.execute(batch, clock.now() + 1s, [&](store::Answers answers) { refused += answers[0].over ? 1 : 0; });
  };
  for (int i = 0; i < 5; ++i) ask();
  front.flush();
  distant.answer_all();
  CHECK(refused == 4);
  const auto asked = distant.asked.size();
  for (int i = 0; i < 5; ++i) ask();
  front.flush();
  CHECK(refused == 9);
  CHECK(distant.asked.size() == asked);
}

TEST_CASE("it keeps every promise of a store, answered at once or later") {
  for (const bool at_once : {true, false}) {
    CAPTURE(at_once);
    const tests::StoreFactory factory = [&] {
      auto distant = std::make_shared<DistantStore>();
      distant->answers_at_once = at_once;
      tests::StoreUnderTest under_test;
      under_test.store = std::make_unique<store::CoalescingStore>(*distant);
      under_test.run = [distant] { distant->answer_all(); };
      return under_test;
    };
    tests::check_store_conformance(factory);
    tests::check_gauge_conformance(factory);
  }
}

TEST_CASE("a look goes alone, beside those that ask the same") {
  Stack stack;
  const auto count = counted("client:a", {{60s, 10}});
  store::Batch look;
  look.now = stack.clock.now();
  look.counts = {count};
  look.look = true;
  std::vector<std::uint64_t> seen;
  const auto look_once = [&] {
    stack.store.execute(look, stack.clock.now() + 1s,
                        [&](store::Answers answers) { seen.push_back(answers[0].count); });
  };
  const auto& first = stack.ask({count});
  look_once();
  const auto& second = stack.ask({count});
  look_once();
  stack.store.flush();
  CHECK(stack.distant.asked.size() == 3);
  stack.distant.answer_all();
  CHECK(seen == std::vector<std::uint64_t>{3, 3});
  CHECK(first.answers[0].count == 1);
  CHECK(second.answers[0].count == 2);
}

TEST_CASE("random batches are each told what they would be without it, in fewer calls") {
  std::mt19937_64 random(20'240'229);
  Stack stack;
  store::EmbeddedStore alone({100'000, 7});
  std::vector<store::CountAnswer> expected;
  for (int i = 0; i < 20'000; ++i) {
    const auto number = random() % 10;
    const auto name = "client:" + std::to_string(number);
    auto messages = counted(name, {{60s, 300 * number + 5}, {1h, 250 * number + 9}});
    messages.n = 1 + random() % 3;
    auto recipients = counted(name, {{60s, 280 * number + 20}});
    recipients.counter = "recipients";
    recipients.grain = store::Grain::recipient;
    recipients.n = 1 + random() % 5;
    auto sender = counted("sender:" + std::to_string(number), {{60s, 700}});
    sender.binding = number % 2 == 0;
    auto open = tests::conformance::gauge(name, 1 + random() % 12, 11);
    open.binding = number % 3 == 0;
    const auto& told = stack.ask({messages, recipients, sender, open});
    alone.execute(told.batch, stack.clock.now() + 1s,
                  [&](store::Answers answers) { expected.insert(expected.end(), answers.begin(), answers.end()); });
    alone.flush();
    if (random() % 4 == 0) stack.store.flush();
    if (random() % 8 == 0) stack.distant.answer(random() % 20);
  }
  stack.store.flush();
  stack.distant.answer_all();

  int wrong = 0;
  std::size_t at = 0;
  std::uint64_t recorded = 0;
  for (const auto& told : stack.all) {
    REQUIRE(told->answers.size() == 4);
    for (const auto& answer : told->answers) {
      const auto& other = expected[at++];
      recorded += answer.recorded ? 1 : 0;
      const bool same =
          answer.recorded == other.recorded && answer.over == other.over && answer.retry_after == other.retry_after;
      // Of several windows it may be another one that is named.
      const bool same_count = answer.window != other.window || answer.count == other.count;
      wrong += same && same_count ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  CHECK(recorded > 30'000);
  CHECK(recorded < 70'000);
  CHECK(stack.distant.asked.size() < stack.all.size());
}

TEST_CASE("while time passes and answers come late, what is told is what is counted, and never more than the limit") {
  std::mt19937_64 random(7);
  Stack stack;
  std::vector<tests::property::ExactLog> logs(5);
  std::vector<Instant> newest(5);
  std::vector<std::uint64_t> counted_there(5);
  int above = 0;
  const auto number_of = [](const store::Count& count) { return static_cast<std::size_t>(count.entity.back() - '0'); };
  const auto limit_of = [](std::size_t number) { return 3 + 10 * number; };
  stack.distant.answered = [&](const store::Batch& batch, store::Answers answers) {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i].recorded) continue;
      const auto number = number_of(batch.counts[i]);
      counted_there[number] += batch.counts[i].n;
      newest[number] = std::max(newest[number], batch.now);
      logs[number].admit(newest[number], batch.counts[i].n);
      above += logs[number].from(newest[number] - 60s) > limit_of(number) ? 1 : 0;
    }
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto number = random() % 5;
    auto count = counted("client:" + std::to_string(number), {{60s, limit_of(number)}});
    count.n = 1 + random() % 2;
    stack.ask({count}, 1s);
    if (random() % 3 == 0) stack.store.flush();
    if (random() % 3 == 0) stack.distant.answer(random() % 10);
    if (random() % 5 == 0) stack.clock.advance(std::chrono::milliseconds(random() % 1000));
  }
  stack.store.flush();
  stack.distant.answer_all();
  std::vector<std::uint64_t> told_of(5);
  for (const auto& told : stack.all) {
    REQUIRE(told->answers.size() == 1);
    const auto& count = told->batch.counts[0];
    if (told->recorded()) told_of[number_of(count)] += count.n;
  }
  CHECK(told_of == counted_there);
  CHECK(above == 0);
  CHECK(std::accumulate(told_of.begin(), told_of.end(), std::uint64_t{0}) > 1000);
}

TEST_CASE("a thousand requests of one client in flight cost Redis a few calls, and exactly its limit is admitted") {
  tests::RedisServer server;
  store::RedisStore::Options options;
  options.deadline = 5s;
  const auto at = [&](auto&, const auto&) {
    return std::make_unique<store::FixedRedisLocator>(store::RedisServerAddress{server.socket_path(), "test"});
  };
  tests::ConnectedStore connected(at, options);
  store::CoalescingStore store(connected.redis);
  REQUIRE(connected.wait_until_up());
  std::uint64_t turns = 0;
  const auto end_turn = [&] {
    ++turns;
    store.flush();
  };
  const auto admitted_of_a_thousand = [&](std::uint64_t limit) {
    const auto batch = tests::hit("client:192.0.2.7", limit);
    int told = 0;
    int admitted = 0;
    for (int i = 0; i < 1000; ++i) {
      store.execute(batch, connected.clock.now() + 10s, [&](store::Answers answers) {
        REQUIRE(answers.size() == 1);
        ++told;
        admitted += answers[0].recorded ? 1 : 0;
      });
      if (i % 10 == 0) {
        end_turn();
        connected.context.poll();
      }
    }
    end_turn();
    CHECK(connected.run_until([&] { return told == 1000; }));
    return admitted;
  };
  CHECK(admitted_of_a_thousand(10'000) == 1000);
  // A question a turn at the most, and fewer if Redis takes longer than one.
  CHECK(connected.redis.statistics().questions <= turns);
  CHECK(admitted_of_a_thousand(1234) == 234);
}

TEST_CASE("when Redis is given up, those that wait are told, too") {
  tests::RedisServer server;
  const auto at = [&](auto&, const auto&) {
    return std::make_unique<store::FixedRedisLocator>(store::RedisServerAddress{server.socket_path(), "test"});
  };
  tests::ConnectedStore connected(at, {});
  store::CoalescingStore store(connected.redis);
  REQUIRE(connected.wait_until_up());
  const auto batch = tests::hit("client:192.0.2.7");
  int unanswered = 0;
  for (int i = 0; i < 10; ++i) {
    store.execute(batch, connected.clock.now() + 10s,
                  [&](store::Answers answers) { unanswered += answers.empty() ? 1 : 0; });
    store.flush();
  }
  connected.redis.stop();
  CHECK(unanswered == 10);
}

}  // namespace mxwarden
