// The script against a real Redis. Time is what the batches say, unless a test says otherwise; the ends of keys are in
// the time of the server, so that windows here are longer than a test takes.

#include "store/redis_script.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <thread>
#include <utility>

#include "store/embedded_store.hpp"
#include "support/redis_server.hpp"
#include "support/store_conformance.hpp"
#include "support/store_property.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;
using store::Batch;
using store::Count;
using store::CountAnswer;
using store::Grain;
using store::RedisReply;
using store::Window;

namespace {

// Where Redis has its time: microseconds since 1970.
const Instant today = Instant(std::chrono::hours(24 * 365 * 56)) + 123'456us;

// The counts of each entity, in the order of their first; gauges first.
std::vector<std::vector<std::uint32_t>> entities_of(const Batch& batch) {
  std::vector<std::vector<std::uint32_t>> entities;
  for (std::uint32_t place = 0; place < batch.counts.size(); ++place) {
    const auto of_entity = std::find_if(entities.begin(), entities.end(), [&](const auto& places) {
      return batch.counts[places.front()].entity == batch.counts[place].entity;
    });
    of_entity != entities.end() ? of_entity->push_back(place) : entities.push_back({place});
  }
  for (auto& places : entities) {
    std::ranges::stable_partition(places, [&](std::uint32_t place) { return batch.counts[place].gauge; });
  }
  return entities;
}

enum class Entities : std::uint8_t { apart, together };

// The script as a store: nothing but the calls and their answers, for each entity of a batch one or one for all.
class ScriptStore final : public store::Store {
 public:
  explicit ScriptStore(const tests::RedisServer& server, store::RedisNames names = {},
                       Entities entities = Entities::apart)
      : client_(server.client()), names_(std::move(names)), entities_(entities) {
    digest_ = client_.command({"SCRIPT", "LOAD", store::redis_script()}).text();
    REQUIRE(digest_.size() == 40);
  }

  void execute(const Batch& batch, Instant /*deadline*/, store::Completion completion) override {
    pending_.emplace_back(&batch, std::move(completion));
  }
  void flush() override {
    for (; !pending_.empty(); pending_.pop_front()) {
      auto& [batch, completion] = pending_.front();
      completion(ask(*batch));
    }
  }
  void tick(Instant /*now*/) override {}
  std::string_view name() const override { return "script"; }

  std::vector<CountAnswer> ask(const Batch& batch) { return ask(batch, batch.now); }
  // No time: the server's own.
  std::vector<CountAnswer> ask(const Batch& batch, std::optional<Instant> time) {
    std::vector<CountAnswer> answers(batch.counts.size());
    std::vector<store::RedisQuestion> questions;
    const auto entities = entities_of(batch);
    for (const auto& places : entities) questions.push_back({&batch, places});
    if (entities_ == Entities::together) {
      call(questions, time, answers);
    } else {
      for (const auto& question : questions) call({&question, 1}, time, answers);
    }
    return answers;
  }

 private:
  void call(std::span<const store::RedisQuestion> questions, std::optional<Instant> time,
            std::span<CountAnswer> answers) {
    if (questions.empty()) return;
    store::ScriptCall call;
    for (const auto& question : questions) call.add(names_, question);
    const std::size_t keys = call.keys();
    std::string bytes;
    call.append_to(bytes, {"EVALSHA", digest_}, time);
    client_.send(bytes);
    const RedisReply reply = client_.receive();
    INFO(reply.text());
    store::ScriptAnswer answer(reply, keys);
    REQUIRE(answer.has_form());
    for (const auto& question : questions) REQUIRE(answer.take(question, answers));
  }

  tests::RedisClient client_;
  store::RedisNames names_;
  Entities entities_;
  std::string digest_;
  std::deque<std::pair<const Batch*, store::Completion>> pending_;
};

tests::StoreUnderTest under_test(const tests::RedisServer& server, Entities entities) {
  tests::StoreUnderTest result;
  result.store = std::make_unique<ScriptStore>(server, store::RedisNames{}, entities);
  result.resolution = 1us;
  return result;
}

Batch batch_of(std::initializer_list<Count> counts, Instant now = today) {
  Batch batch;
  batch.now = now;
  batch.counts = counts;
  return batch;
}

std::vector<std::string> texts(const RedisReply& reply) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < reply.size(); ++i) result.emplace_back(reply[i].text());
  return result;
}

// All counts in one call: its words. A command reads like a reply.
std::vector<std::string> call_of(const Batch& batch, const store::RedisNames& names = {}) {
  std::vector<std::uint32_t> places(batch.counts.size());
  for (std::uint32_t place = 0; place < places.size(); ++place) places[place] = place;
  std::string bytes;
  store::ScriptCall call;
  call.add(names, {&batch, places});
  call.append_to(bytes, {"EVALSHA", "digest"}, batch.now);
  store::RedisReader reader;
  reader.feed(bytes);
  const auto command = reader.next();
  REQUIRE(command.has_value());
  REQUIRE(command->has_value());
  return texts(**command);
}

std::vector<std::string> keys_of(const Batch& batch, const store::RedisNames& names = {}) {
  const std::vector<std::string> words = call_of(batch, names);
  REQUIRE(words[2] == std::to_string(batch.counts.size()));
  return {words.begin() + 3, words.begin() + 3 + static_cast<std::ptrdiff_t>(batch.counts.size())};
}

std::int64_t number_in_info(tests::RedisClient& client, std::string_view field) {
  const std::string info(client.command({"INFO"}).text());
  const auto at = info.find("\n" + std::string(field) + ":");
  REQUIRE(at != std::string::npos);
  return std::stoll(info.substr(at + field.size() + 2));
}

// How often something was written.
std::int64_t writes(tests::RedisClient& client) {
  return number_in_info(client, "rdb_changes_since_last_save");
}

std::chrono::milliseconds life_of(tests::RedisClient& client, const std::string& key) {
  return std::chrono::milliseconds(client.command({"PTTL", key}).integer());
}

// How time passes in a comparison.
struct Steps {
  std::vector<Duration> scales;  // a step is up to nine times one of them
  bool back = false;             // every tenth
};

// Asks a store of each kind the same at random.
class Comparison {
 public:
  explicit Comparison(const tests::RedisServer& server) : script_(server, {}, Entities::together) {}

  void run(int batches, const Steps& steps) {
    for (int i = 0; i < batches; ++i) {
      CAPTURE(i);
      pass_time(steps);
      fill_batch();
      std::vector<CountAnswer> expected;
      embedded_.execute(batch_, batch_.now,
                        [&](store::Answers answers) { expected.assign(answers.begin(), answers.end()); });
      embedded_.flush();
      batch_.look = true;
      const auto looked = script_.ask(batch_);
      batch_.look = false;
      const auto asked = script_.ask(batch_);
      REQUIRE(looked == asked);
      compare(asked, expected);
    }
  }

  int over = 0;
  int recorded = 0;

 private:
  std::uint64_t below(std::uint64_t most) { return random_() % most; }

  void pass_time(const Steps& steps) {
    const auto step = static_cast<std::int64_t>(below(10)) * steps.scales[below(steps.scales.size())];
    batch_.now += steps.back && below(10) == 0 ? -step : step;
  }

  void fill_batch() {
    batch_.counts.clear();
    const std::uint64_t first_entity = below(20);
    const std::uint64_t entities = below(2) == 0 ? 1 : 1 + below(4);
    for (std::uint64_t i = 0; i < entities; ++i) fill_entity("client:" + std::to_string((first_entity + i) % 20));
  }

  void fill_entity(const std::string& entity) {
    const std::uint64_t first = below(std::size(forms_));
    const std::uint64_t size = 1 + below(4);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t form = (first + i) % std::size(forms_);
      Count& count = batch_.counts.add();
      count.entity = entity;
      count.counter = "counter" + std::to_string(form);
      count.windows = forms_[form].windows;
      count.gauge = forms_[form].gauge;
      if (forms_[form].distinct) count.member = "member" + std::to_string(below(8));
      count.n = below(5) == 0 ? 0 : forms_[form].distinct ? 1 : 1 + below(4) * below(forms_[form].n_most);
      count.grain = static_cast<Grain>(below(3));
      count.binding = below(3) != 0;
      if (below(4) == 0) count.windows.front().limit = std::max<std::uint64_t>(count.windows.front().limit / 2, 1);
    }
  }

  void compare(const std::vector<CountAnswer>& answers, const std::vector<CountAnswer>& expected) {
    REQUIRE(answers.size() == expected.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      CAPTURE(i);
      CAPTURE(batch_.counts[i].counter);
      const Duration wait = expected[i].retry_after;
      REQUIRE(answers[i].count == expected[i].count);
      REQUIRE(answers[i].window == expected[i].window);
      REQUIRE(answers[i].over == expected[i].over);
      REQUIRE(answers[i].recorded == expected[i].recorded);
      REQUIRE(answers[i].retry_after ==
              (wait == Duration::max() ? wait : Duration(std::chrono::ceil<std::chrono::microseconds>(wait))));
      over += answers[i].over ? 1 : 0;
      recorded += answers[i].recorded ? 1 : 0;
    }
  }

  struct Form {
    store::Windows windows;
    std::uint64_t n_most = 1;
    bool distinct = false;
    bool gauge = false;
  };
  static constexpr Duration ten_years = std::chrono::hours(24 * 3650);

  // The longest of each is longer than the test takes. The shortest do not come to 2^31 slices before that, for here
  // the longest does not end them. A limit that is halved stays narrow or wide.
  const Form forms_[15] = {
      {{{60s, 5}, {1h, 20}, {24h, 100}}},
      {{{100ms, 2}, {999'983us, 3}, {1h, 1000}}, 2},
      {{{ten_years, 60'000}, {61s, 7}}, 5},
      {{{1h, 200'000'000'000'000}, {24h, Window::no_limit}}, 60'000'000'000'000},
      {{{60s, Window::no_limit}, {1h, Window::no_limit}}, 100},
      {{{100s, 65'535}, {1h, 262'144}, {24h, 3'000'000}, {ten_years, Window::no_limit}}, 40'000},
      {{{61s, 131'072}}, 60'000},
      {{{60s, 3}, {1h, 5}}, 1, true},
      {{{1h, Window::no_limit}, {61s, 2}}, 1, true},
      {{{ten_years, 6}}, 1, true},
      {{{60s, 3}}, 3, false, true},
      {{{1h, Window::no_limit}}, 100, false, true},
      {{{10s, 6}}, 3},
      {{{1h, 9}, {1s, 3}, {1h, 8}}, 2},
      {{{1s, 4}, {1s, 4}, {10s, 12}}, 3},
  };

  std::mt19937_64 random_{20'240'229};
  ScriptStore script_;
  store::EmbeddedStore embedded_{{100'000, 0}};
  Batch batch_ = batch_of({});
};

}  // namespace

TEST_CASE("the script keeps every promise of the store") {
  tests::RedisServer server;
  for (const auto entities : {Entities::apart, Entities::together}) {
    tests::check_store_conformance([&] {
      server.client().command({"FLUSHALL"});
      return under_test(server, entities);
    });
  }
}

TEST_CASE("the script keeps the promises of gauges") {
  tests::RedisServer server;
  tests::check_gauge_conformance([&] {
    server.client().command({"FLUSHALL"});
    return under_test(server, Entities::together);
  });
}

TEST_CASE("20,000 random events: never more than the limit, no refusal without cause, every retry_after exact") {
  tests::RedisServer server;
  tests::check_counting_promise(under_test(server, Entities::apart), today, 20'000);
}

TEST_CASE(
    "20,000 random batches of all kinds of counts, of several entities in a call, are answered as the embedded store "
    "answers them, and a look before each as the batch behind it") {
  tests::RedisServer server;
  Comparison comparison(server);
  comparison.run(20'000, {.scales = {0us, 1us, 100us, 10ms, 1s, 60s, 1h}});
  CHECK(comparison.over > 5'000);
  CHECK(comparison.recorded > 5'000);
}

TEST_CASE("time that goes back is answered as the embedded store answers it") {
  tests::RedisServer server;
  Comparison comparison(server);
  // Not so long that the embedded store forgets what a step back would bring to light again.
  comparison.run(5'000, {.scales = {0us, 1us, 100us, 10ms}, .back = true});
  CHECK(comparison.over > 1'000);
  CHECK(comparison.recorded > 1'000);
}

TEST_CASE("of more members than a distinct count may hold the oldest are forgotten") {
  tests::RedisServer server;
  ScriptStore script(server);
  tests::RedisClient client = server.client();
  Batch batch = batch_of({tests::counted_member("sender:a", {{1h, Window::no_limit}}, "")});
  for (std::uint64_t i = 0; i < store::distinct_most + 10; ++i, batch.now += 1us) {
    batch.counts[0].member = std::to_string(i);
    REQUIRE(script.ask(batch)[0].recorded);
  }
  const std::string key = keys_of(batch)[0];
  CHECK(client.command({"ZCARD", key}).integer() == static_cast<std::int64_t>(store::distinct_most));
  const std::int64_t oldest = std::stoll(texts(client.command({"ZRANGE", key, "0", "0", "WITHSCORES"})).at(1));
  CHECK(oldest == std::chrono::floor<std::chrono::microseconds>(today.time_since_epoch()).count() + 10);
}

TEST_CASE("keys say what they hold") {
  Count rings = tests::counted("client:192.0.2.7", {{60s, 5}, {1h, 20}, {24h, 65'536}, {168h, Window::no_limit}});
  Count members = tests::counted_member("client:192.0.2.7", {{10min, 5}, {1'500us, Window::no_limit}}, "a");
  const Count gauge = tests::conformance::gauge("client:192.0.2.7", 3, 0);
  const Batch batch = batch_of({rings, members, gauge});
  CHECK(keys_of(batch) == std::vector<std::string>{"mxw:3{client:192.0.2.7}rate/60s,1h,1dw,7dw",
                                                   "mxw:3{client:192.0.2.7}rate#10m,1500us",
                                                   "mxw:3{client:192.0.2.7}open/10s@"});
  CHECK(keys_of(batch, {.prefix = "mx:a"})[0].starts_with("mx:a:3{client:192.0.2.7}"));
}

TEST_CASE("the hash of a member depends on the seed alone") {
  const Batch batch = batch_of({tests::counted_member("sender:a", {{60s, 5}}, "b")});
  const Batch other = batch_of({tests::counted_member("sender:c", {{1h, 6}}, "b")});
  const auto hash_of = [](const std::vector<std::string>& words) {
    return words.back().substr(words.back().size() - 8);
  };
  CHECK(hash_of(call_of(batch)) == hash_of(call_of(other)));
  CHECK(hash_of(call_of(batch)) != hash_of(call_of(batch, {.seed = 1})));
}

TEST_CASE("entities with hostile names have keys and slots of their own") {
  tests::RedisServer server({"cluster-enabled yes"});
  tests::RedisClient client = server.client();
  const std::string names[] = {"a",
                               "a}",
                               "a%7D",
                               "a%257D",
                               "{a}",
                               "}{a}",
                               "{",
                               "}",
                               "%",
                               "%25",
                               "a}x/1m",
                               "a\r\n",
                               "a\n",
                               "a b\r\nGET x",
                               "a\xff\x01",
                               "\"'",
                               "a}rate",
                               "a/60s,1",
                               "a#60s",
                               "1{client:a}",
                               "}}}",
                               "%7d",
                               "{}",
                               std::string(2000, '}'),
                               std::string(2000, 'x'),
                               std::string("a\0b", 3)};
  std::vector<std::string> keys;
  for (const std::string& name : names) {
    CAPTURE(name);
    Count count = tests::counted(name, {{60s, 5}});
    Count another = count;
    another.counter = "{another}";
    const std::vector<std::string> both = keys_of(batch_of({count, another}));
    CHECK(client.command({"CLUSTER", "KEYSLOT", both[0]}).integer() ==
          client.command({"CLUSTER", "KEYSLOT", both[1]}).integer());
    CHECK(both[0].find('}') == both[0].size() - std::string_view("}rate/60s").size());
    keys.insert(keys.end(), both.begin(), both.end());
  }
  std::sort(keys.begin(), keys.end());
  CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
}

TEST_CASE("entities with hostile names are counted apart") {
  tests::RedisServer server;
  ScriptStore script(server);
  for (const std::string& name : {std::string("a"), std::string("a}"), std::string("a%7D"), std::string("a\r\nDEL a"),
                                  std::string("a\0", 2), std::string(2000, '{')}) {
    CAPTURE(name);
    CHECK(script.ask(batch_of({tests::counted(name, {{60s, 5}})}))[0].count == 1);
    CHECK(script.ask(batch_of({tests::counted(name, {{60s, 5}})}))[0].count == 2);
  }
}

TEST_CASE("each key ends by itself, when nothing of it is left in any window") {
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  ScriptStore script(server);
  struct Row {
    const char* label;
    Count count;
    Duration least;
    Duration most;
  };
  const Row rows[] = {
      {"one window", tests::counted("a", {{60s, 5}}), 60s, 65s},
      {"the longest of three", tests::counted("b", {{60s, 5}, {24h, 5}, {1h, 5}}), 24h, 26h},
      {"wide", tests::counted("c", {{24h, Window::no_limit}}), 24h, 26h},
      {"ten years", tests::counted("d", {{24h * 3650, 5}}), 24h * 3650, 24h * 3650 * 13 / 12},
      {"members", tests::counted_member("e", {{60s, 5}, {1h, 5}}, "x"), 1h, 1h},
  };
  for (const std::optional<Instant> time : {std::optional(today), std::optional<Instant>()}) {
    for (const Row& row : rows) {
      CAPTURE(row.label);
      const Batch batch = batch_of({row.count});
      CHECK(script.ask(batch, time)[0].recorded);
      const auto life = life_of(client, keys_of(batch)[0]);
      CHECK(life > row.least - 10s);
      CHECK(life <= row.most + 2ms);
    }
    client.command({"FLUSHALL"});
  }
  for (const Count& count :
       {tests::counted("a", {{2ms, 5}, {30ms, 5}}), tests::counted("b", {{30ms, Window::no_limit}}),
        tests::counted_member("c", {{30ms, 5}}, "x")}) {
    CHECK(script.ask(batch_of({count}), std::nullopt)[0].recorded);
  }
  for (int tries = 0; client.command({"DBSIZE"}).integer() > 0; ++tries) {
    REQUIRE(tries < 2000);
    std::this_thread::sleep_for(5ms);
  }
}

TEST_CASE("a key does not end before what it holds has left its longest window") {
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  ScriptStore script(server);
  const Batch batch = batch_of({tests::counted("a", {{24ms, 60'000}, {240ms, 60'000}, {2400ms, 60'000}})});
  const std::string key = keys_of(batch)[0];
  auto shortest = std::chrono::milliseconds::max();
  for (int i = 0; i < 300; ++i) {
    REQUIRE(script.ask(batch, std::nullopt)[0].recorded);
    shortest = std::min(shortest, life_of(client, key));
    std::this_thread::sleep_for(2ms);
  }
  // What was recorded last leaves 2400 ms later; it is some time that the answer and the question about the end take.
  CHECK(shortest > 2300ms);
}

TEST_CASE("a key lives on from when a slice has begun") {
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  ScriptStore script(server);
  for (const Count& count : {tests::counted("a", {{60s, 5}, {1h, 5}}), tests::counted("b", {{1h, 5}, {60s, 5}})}) {
    const std::string key = keys_of(batch_of({count}))[0];
    CHECK(script.ask(batch_of({count}))[0].recorded);
    client.command({"PEXPIRE", key, "1000"});
    CHECK(script.ask(batch_of({count}, today + 5s))[0].recorded);
    CHECK(life_of(client, key) > 1h);
  }
}

TEST_CASE("a key does not end before its wait is over when time has gone back") {
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  ScriptStore script(server);
  const Batch members = batch_of({tests::counted_member("b", {{60s, 5}}, "x")}, today);
  CHECK(script.ask(members)[0].recorded);
  Batch before = members;
  before.now -= 1h;
  CHECK(script.ask(before)[0].recorded);
  CHECK(life_of(client, keys_of(before)[0]) > 1h + 50s);
  // The end of a ring is an instant of the server's clock, which goes back with it; nobody may move it forward then.
  const Batch ring = batch_of({tests::counted("a", {{60s, 5}})}, today);
  CHECK(script.ask(ring)[0].recorded);
  client.command({"PEXPIRE", keys_of(ring)[0], std::to_string(std::chrono::milliseconds(1h + 60s).count())});
  before = ring;
  before.now -= 1h;
  CHECK(script.ask(before)[0].recorded);
  CHECK(life_of(client, keys_of(before)[0]) > 1h + 50s);
}

TEST_CASE("nothing is written by a look or a refusal") {
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  ScriptStore script(server);
  Count rings = tests::counted("client:a", {{60s, 1}, {1h, 5}});
  Count members = tests::counted_member("client:a", {{60s, 1}}, "x");
  Count looks = rings;
  Count looks_for = members;
  looks.n = looks_for.n = 0;
  CHECK(script.ask(batch_of({looks, looks_for}))[0].count == 0);
  CHECK(writes(client) == 0);
  CHECK(script.ask(batch_of({rings, members}))[1].recorded);
  const auto written = writes(client);
  CHECK(written > 0);
  members.member = "y";
  for (const Instant now : {today, today + 7s, today - 7s}) {
    CHECK(script.ask(batch_of({rings, members}, now))[1].over);
    CHECK(script.ask(batch_of({looks, looks_for}, now))[1].count == 1);
  }
  CHECK(writes(client) == written);
  members.member = "x";
  const Count gauge = tests::conformance::gauge("client:b", 3, 5);
  const Count alone = tests::counted("client:b", {{60s, 1}});
  for (const Instant now : {today, today + 7s, today + 61s, today - 7s}) {
    for (auto batch : {batch_of({rings, members}, now), batch_of({gauge}, now), batch_of({alone}, now),
                       batch_of({alone, gauge}, now)}) {
      batch.look = true;
      script.ask(batch);
    }
  }
  CHECK(writes(client) == written);
}

TEST_CASE("the server's own time is taken when none is given") {
  tests::RedisServer server;
  ScriptStore script(server);
  const Batch rings = batch_of({tests::counted("client:a", {{1h, 1}})});
  CHECK(script.ask(rings, std::nullopt)[0].recorded);
  const CountAnswer refused = script.ask(rings, std::nullopt)[0];
  CHECK(refused.over);
  CHECK(refused.retry_after > 1h - 1min);
  CHECK(refused.retry_after <= 1h + 5min);
  const Batch members = batch_of({tests::counted_member("client:a", {{1h, 1}}, "a")});
  const Batch others = batch_of({tests::counted_member("client:a", {{1h, 1}}, "b")});
  CHECK(script.ask(members, std::nullopt)[0].recorded);
  const CountAnswer another = script.ask(others, std::nullopt)[0];
  CHECK(another.over);
  CHECK(another.retry_after > 1h - 1min);
  CHECK(another.retry_after <= 1h);
}

TEST_CASE("a value grows only with the windows that hold something in more than one slice") {
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  ScriptStore script(server);
  Batch narrow = batch_of({tests::counted("a", {{60s, 50}, {1h, 50}, {24h, 50}})});
  Batch wide = batch_of({tests::counted("a", {{24h, Window::no_limit}})});
  struct Row {
    const char* label;
    Duration step;
    std::int64_t narrow_size;
    std::int64_t wide_size;
  };
  const Row rows[] = {
      {"the first", 0s, 8 + 12, 8 + 14},
      {"a day's slice later, when the short windows are empty", 2h, 8 + 12 + 24, 8 + 14 + 84},
      {"an hour's slice later", 5min, 8 + 12 + 2 * 24, 8 + 14 + 84},
      {"a minute's slice later", 5s, 8 + 12 + 3 * 24, 8 + 14 + 84},
      {"when the minute is over", 65s, 8 + 12 + 2 * 24, 8 + 14 + 84},
      {"when all is over", 26h, 8 + 12, 8 + 14},
  };
  for (const Row& row : rows) {
    CAPTURE(row.label);
    narrow.now += row.step;
    wide.now += row.step;
    CHECK(script.ask(narrow)[0].recorded);
    CHECK(script.ask(wide)[0].recorded);
    CHECK(client.command({"STRLEN", keys_of(narrow)[0]}).integer() == row.narrow_size);
    CHECK(client.command({"STRLEN", keys_of(wide)[0]}).integer() == row.wide_size);
  }
}

// What one of many clients costs, each counted in three windows and with so many connections on each node, and how long
// the value of its ring is.
struct Memory {
  std::int64_t bytes;
  std::int64_t value;
};

Memory memory_of_client(std::initializer_list<const char*> nodes, std::initializer_list<Duration> steps) {
  constexpr int clients = 20'000;
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  // As long as `client:192.0.2.7`.
  const auto batch_for = [&](int number, Instant now) {
    const auto entity = "client:" + std::to_string(100'000'000 + number);
    Count ring = tests::counted(entity, {{60s, 5}, {1h, 20}, {24h, 100}});
    ring.counter = "client_rate";
    if (nodes.size() == 0) return batch_of({ring}, now);
    return batch_of({ring, tests::conformance::gauge(entity, 2, 50)}, now);
  };
  std::vector<ScriptStore> scripts;
  if (nodes.size() == 0) scripts.emplace_back(server);
  for (const auto* node : nodes) scripts.emplace_back(server, store::RedisNames{.node = node});
  const auto all = [&](Instant now) {
    for (auto& script : scripts) {
      for (int i = 0; i < clients; ++i) script.ask(batch_for(i, now));
    }
  };
  for (auto& script : scripts) script.ask(batch_for(clients, today));
  const auto before = number_in_info(client, "used_memory");
  // Twice, so that Redis is done with moving the keys to a larger table.
  all(today);
  all(today);
  for (Instant now = today; const Duration step : steps) all(now += step);
  const auto keys = client.command({"DBSIZE"}).integer();
  CHECK(keys == (clients + 1) * (nodes.size() > 0 ? 2 : 1));
  return {(number_in_info(client, "used_memory") - before) / clients,
          client.command({"STRLEN", keys_of(batch_for(0, today))[0]}).integer()};
}

TEST_CASE("a value is short again when its shortest window is empty") {
  tests::RedisServer server;
  tests::RedisClient client = server.client();
  ScriptStore script(server);
  Batch batch = batch_of({tests::counted("a", {{60s, 5}, {1h, 20}, {24h, 100}})}, today + 1min);
  const auto size = [&] { return client.command({"STRLEN", keys_of(batch)[0]}).integer(); };
  CHECK(script.ask(batch)[0].recorded);
  batch.now += 6s;
  CHECK(script.ask(batch)[0].recorded);
  CHECK(size() == 8 + 12 + 3 * 24);
  batch.now += 94s;
  CHECK(script.ask(batch)[0].recorded);
  CHECK(size() == 8 + 12);
}

TEST_CASE("a client with three windows costs no more than 200 bytes, with connections no more than 450") {
  const auto fresh = memory_of_client({}, {});
  MESSAGE(fresh.bytes, " bytes for a client, with a key of 44");
  CHECK(fresh.value == 8 + 12);
  CHECK(fresh.bytes <= 200);
  const auto connected = memory_of_client({"mx1", "mx2"}, {});
  MESSAGE(connected.bytes, " bytes with connections on two nodes");
  CHECK(connected.bytes <= 450);
  const auto busy = memory_of_client({}, {2h, 5min, 5s});
  MESSAGE(busy.bytes, " bytes for one that comes in each slice of each window");
  CHECK(busy.value == 8 + 12 + 3 * 24);
  CHECK(busy.bytes <= 260);
}
