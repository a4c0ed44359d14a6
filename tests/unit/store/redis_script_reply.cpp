// What replies to the script's calls mean, of which no server is asked.

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "store/redis_script.hpp"
#include "support/store_conformance.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;
using store::Batch;
using store::Count;
using store::CountAnswer;
using store::RedisReply;

namespace {

Batch batch_of(std::initializer_list<Count> counts) {
  Batch batch;
  batch.counts = counts;
  return batch;
}

// What a number is in an answer.
std::string double_text(double number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

std::string doubles_text(std::initializer_list<double> numbers) {
  std::string text;
  for (const double number : numbers) text += double_text(number);
  return text;
}

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

// All that is asked is about one entity.
bool read(const RedisReply& reply, const Batch& batch, std::span<const std::uint32_t> places,
          std::span<CountAnswer> answers) {
  store::ScriptAnswer answer(reply, places.size());
  return answer.has_form() && answer.take({&batch, places}, answers);
}

}  // namespace

TEST_CASE("a reply that is none of the script's is refused") {
  const Batch batch = batch_of({tests::counted("a", {{60s, 5}, {1h, 20}})});
  const std::uint32_t places[] = {0};
  std::vector<CountAnswer> answers(1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Row {
    const char* label;
    std::string reply;
    bool good;
  };
  const Row rows[] = {
      {"over, for ever", bulk(doubles_text({3, 0, 9, -1, 0})), true},
      {"over, for longer than can be", bulk(doubles_text({3, 0, 9, 1e300, 0})), true},
      {"a number too few", bulk(doubles_text({3, 0, 9, 0})), false},
      {"a number too many", bulk(doubles_text({3, 0, 9, 1, 0, 0})), false},
      {"fewer than none", bulk(doubles_text({-3, 0, 9, 1, 0})), false},
      {"more than can be", bulk(doubles_text({3, 0, 1e300, 1, 0})), false},
      {"no number", bulk(doubles_text({3, 0, nan, 1, 0})), false},
      {"a wait that is no number", bulk(doubles_text({3, 0, 9, nan, 0})), false},
      {"half a head", bulk(std::string(14, 'x')), false},
      {"empty", bulk(""), false},
      {"an array", "*1\r\n" + bulk(doubles_text({3, 0, 9, -1, 0})), false},
      {"no answer", "*0\r\n", false},
      {"an integer", ":5\r\n", false},
      {"an error", "-ERR no\r\n", false},
      {"nil", "$-1\r\n", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.label);
    store::RedisReader reader;
    reader.feed(row.reply);
    const auto reply = reader.next();
    REQUIRE(reply.has_value());
    REQUIRE(reply->has_value());
    CHECK(read(**reply, batch, places, answers) == row.good);
    if (row.good) CHECK(answers[0].retry_after == Duration::max());
  }
}

TEST_CASE("a head answers a call in which nothing is over") {
  Batch batch = batch_of({tests::counted("a", {{60s, 5}, {1h, 70'000}, {24h, 20}})});
  const std::uint32_t places[] = {0};
  std::vector<CountAnswer> answers(1);
  const std::string head = std::string(8, 't') + std::string("\x09\x09\x03\x00", 4) +
                           std::string("\x09\x09\x09\x09\x09\x09\x09\x02\x00\x01\x00\x00\x00\x00", 14) +
                           std::string("\x09\x09\x05\x00", 4);
  for (const std::uint64_t n : {1U, 0U}) {
    batch.counts[0].n = n;
    store::RedisReader reader;
    reader.feed(bulk(head));
    REQUIRE(read(*reader.next().value(), batch, places, answers));
    CHECK(answers[0].count == 65'538);
    CHECK(answers[0].window == 1);
    CHECK(answers[0].recorded == (n == 1));
    CHECK(!answers[0].over);
  }
}

TEST_CASE("several counts are answered by as many texts") {
  const Batch batch = batch_of({tests::counted("a", {{60s, 5}}), tests::counted("a", {{1h, 5}})});
  const std::uint32_t places[] = {0, 1};
  std::vector<CountAnswer> answers(2);
  const std::string one = bulk(doubles_text({3, 0, 1}));
  for (const auto& [reply, good] : {std::pair("*2\r\n" + one + one, true), std::pair("*1\r\n" + one, false),
                                    std::pair("*3\r\n" + one + one + one, false), std::pair(one, false),
                                    std::pair("*2\r\n" + one + ":1\r\n", false)}) {
    CAPTURE(reply);
    store::RedisReader reader;
    reader.feed(reply);
    CHECK(read(*reader.next().value(), batch, places, answers) == good);
  }
}
