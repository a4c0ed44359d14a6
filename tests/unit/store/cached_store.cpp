#include "store/cached_store.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "store/embedded_store.hpp"
#include "support/store_conformance.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;

// Counts what it is asked.
class Watched final : public store::Store {
 public:
  void execute(const store::Batch& batch, Instant deadline, store::Completion completion) override {
    ++asked;
    embedded.execute(batch, deadline, std::move(completion));
  }
  void flush() override { embedded.flush(); }
  void tick(Instant now) override { embedded.tick(now); }
  std::string_view name() const override { return "watched"; }

  int asked = 0;
  store::EmbeddedStore embedded{{100'000, 7}};
};

struct Stack {
  Watched inner;
  store::CachedStore cached{inner, {.max_refusals = 1000, .seed = 3}};
  ManualClock clock;

  std::vector<store::CountAnswer> ask(const std::vector<store::Count>& counts) {
    store::Batch batch;
    batch.now = clock.now();
    for (const auto& count : counts) batch.counts.add() = count;
    std::vector<store::CountAnswer> result;
    cached.execute(batch, clock.now() + 1s,
                   [&](store::Answers answers) { result.assign(answers.begin(), answers.end()); });
    cached.flush();
    REQUIRE(result.size() == counts.size());
    return result;
  }
  store::CountAnswer ask_one(const store::Count& count) { return ask({count}).front(); }
};

}  // namespace

TEST_CASE("who is over is refused from memory until a try would be admitted, to the nanosecond") {
  Stack stack;
  const auto count = tests::counted("client:192.0.2.7", {{60s, 2}});
  stack.ask_one(count);
  stack.ask_one(count);
  const auto refused = stack.ask_one(count);
  REQUIRE(refused.over);
  CHECK(stack.inner.asked == 3);
  for (int i = 0; i < 100; ++i) {
    stack.clock.advance(100ms);
    const auto again = stack.ask_one(count);
    CHECK(again.over);
    CHECK(again.count == refused.count);
    CHECK(again.retry_after == refused.retry_after - (i + 1) * Duration(100ms));
  }
  CHECK(stack.inner.asked == 3);
  CHECK(stack.cached.answered() == 100);
  stack.clock.advance(refused.retry_after - 10s - 1ns);
  CHECK(stack.ask_one(count).over);
  stack.clock.advance(1ns);
  CHECK(stack.ask_one(count).recorded);
}

TEST_CASE("what a refused client brings is not counted while the refusal is known") {
  Stack stack;
  const auto client = tests::counted("client:192.0.2.7", {{60s, 1}});
  const auto sender = tests::counted("sender:a@example.org", {{60s, 10}});
  stack.ask({client, sender});
  CHECK(stack.ask({client, sender})[0].over);
  const auto answers = stack.ask({client, sender});
  CHECK(answers[0].over);
  CHECK_FALSE(answers[1].over);
  CHECK_FALSE(answers[1].recorded);
  CHECK(stack.ask_one(sender).count == 3);
}

TEST_CASE("what cannot be known from a refusal is asked") {
  auto limited = tests::counted("client:192.0.2.7", {{60s, 1}});
  const auto ask_after_a_refusal = [&](const std::vector<store::Count>& counts) {
    Stack stack;
    stack.ask_one(limited);
    REQUIRE(stack.ask_one(limited).over);
    const auto before = stack.inner.asked;
    stack.ask(counts);
    return stack.inner.asked > before;
  };
  CHECK_FALSE(ask_after_a_refusal({limited}));

  auto monitored = limited;
  monitored.binding = false;
  CHECK(ask_after_a_refusal({monitored}));
  auto look = limited;
  look.n = 0;
  CHECK(ask_after_a_refusal({look}));
  auto more = limited;
  more.n = 2;
  CHECK(ask_after_a_refusal({more}));
  auto raised = limited;
  raised.windows = {{60s, 2}};
  CHECK(ask_after_a_refusal({raised}));
  auto other = limited;
  other.entity = "client:192.0.2.8";
  CHECK(ask_after_a_refusal({other}));
  auto statistics = tests::counted("client:192.0.2.7", {{60s, store::Window::no_limit}});
  statistics.counter = "attempts";
  CHECK(ask_after_a_refusal({limited, statistics}));
}

TEST_CASE("a connection is counted though a recipient it brings is known to be refused") {
  Stack stack;
  const auto client = tests::counted("client:192.0.2.7", {{60s, 5}});
  auto recipient = tests::counted("recipient:a@example.org", {{60s, 1}});
  recipient.grain = store::Grain::recipient;
  for (std::uint64_t count = 1; count <= 5; ++count) CHECK(stack.ask({client, recipient})[0].count == count);
  CHECK(stack.ask({client, recipient})[0].over);
  CHECK(stack.ask({client, recipient})[0].over);
  CHECK(stack.cached.answered() == 1);
}

TEST_CASE("the log can tell that a refusal came from memory") {
  Stack stack;
  const auto count = tests::counted("client:192.0.2.7", {{60s, 1}});
  stack.ask_one(count);
  stack.ask_one(count);
  store::Batch batch;
  batch.now = stack.clock.now();
  batch.counts = {count};
  std::string_view name;
  stack.cached.execute(batch, batch.now + 1s, [&](store::Answers) { name = stack.cached.name(); });
  stack.cached.flush();
  CHECK(name == "memory");
  CHECK(stack.cached.name() == "watched");
}

TEST_CASE("a refusal without an end is asked again each minute") {
  Stack stack;
  auto count = tests::counted("client:192.0.2.7", {{60s, 2}});
  count.n = 3;
  CHECK(stack.ask_one(count).retry_after == Duration::max());
  stack.clock.advance(59s);
  CHECK(stack.ask_one(count).retry_after == Duration::max());
  CHECK(stack.inner.asked == 1);
  stack.clock.advance(1s);
  stack.ask_one(count);
  CHECK(stack.inner.asked == 2);
}

TEST_CASE("distinct counts are asked, as a member that is known is never over") {
  Stack stack;
  const auto ask = [&](const char* member) {
    return stack.ask_one(tests::counted_member("client:192.0.2.7", {{60s, 1}}, member));
  };
  CHECK(ask("a").recorded);
  CHECK(ask("b").over);
  CHECK(ask("b").over);
  CHECK(ask("a").recorded);
}

TEST_CASE("a look is told all that is counted, whatever is known, and teaches nothing") {
  Watched watched;
  store::CachedStore cached(watched, {.seed = 5});
  store::Batch batch;
  batch.now = ManualClock().now();
  batch.counts = {tests::counted("client:a", {{60s, 1}}), tests::counted("client:a", {{60s, 9}})};
  batch.counts[1].counter = "other";
  const auto ask = [&](bool look) {
    batch.look = look;
    std::vector<store::CountAnswer> result;
    cached.execute(batch, batch.now + 1s,
                   [&](store::Answers answers) { result.assign(answers.begin(), answers.end()); });
    cached.flush();
    return result;
  };
  CHECK(ask(false)[0].recorded);
  for (int i = 0; i < 3; ++i) CHECK(ask(true)[0].over);
  CHECK(cached.answered() == 0);
  CHECK(ask(false)[1].count == 2);
  CHECK(cached.answered() == 0);
  CHECK(ask(false)[1].count == 0);
  CHECK(cached.answered() == 1);
  CHECK(ask(true)[1].count == 2);
  CHECK(cached.answered() == 1);
}

TEST_CASE("the stack keeps every promise of a store") {
  tests::check_store_conformance([] {
    auto inner = std::make_shared<Watched>();
    tests::StoreUnderTest under_test;
    under_test.store = std::make_unique<store::CachedStore>(*inner, store::CachedStore::Options{.seed = 5});
    under_test.run = [inner] {};
    under_test.remembers_refusals = true;
    return under_test;
  });
}

}  // namespace mxwarden
