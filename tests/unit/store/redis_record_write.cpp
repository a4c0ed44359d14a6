#include "store/redis_record_write.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mxwarden {
namespace {

using namespace std::chrono_literals;
using store::Ban;
using store::Record;
using store::RecordOrder;
using store::RedisRecordWrite;
using Entry = store::RecordBook::Entry;
using Outcomes = std::vector<std::string>;

constexpr WallTime now(1'763'770'000'000ms);

const store::RecordName name = *store::RecordName::parse("ban/192.0.2.1");

Record ban(const std::string& reason, WallTime until = now + 1h) {
  return {.net = name.net, .until = until, .what = Ban{.rule = "harvest", .reason = reason}};
}

Entry entry(const Record& record) {
  return std::make_shared<const Record>(record);
}

// Appends to the reason.
store::Records::Change append(const std::string& text) {
  return [text](const Record* before) { return ban((before ? std::get<Ban>(before->what).reason : "") + text); };
}

store::Records::Updated tell(Outcomes& outcomes) {
  return [&](const Result<Entry>& updated) {
    if (!updated) return outcomes.push_back("error: " + updated.error().message);
    outcomes.push_back(*updated ? std::get<Ban>((*updated)->what).reason : "nothing");
  };
}

std::optional<Record> leave(const Record*) {
  return std::nullopt;
}

// With one change, and more of them.
RedisRecordWrite changes(Outcomes& outcomes, std::vector<store::Records::Change> all) {
  RedisRecordWrite write(name, all.front(), tell(outcomes));
  for (std::size_t at = 1; at < all.size(); ++at) {
    auto done = tell(outcomes);
    REQUIRE(write.add(all[at], done));
  }
  return write;
}

RecordOrder replace(const std::string& expected, const Record& record) {
  return {.what = RecordOrder::What::replace,
          .expected = expected,
          .text = to_text(record),
          .until = milliseconds_since_1970(record.until)};
}

}  // namespace

TEST_CASE("a change is made of what the node knows, and is done only where that is there") {
  Outcomes outcomes;
  auto write = changes(outcomes, {append("b")});
  write.expect_known(entry(ban("a")), now);
  CHECK(write.order() == replace(to_text(ban("a")), ban("ab")));
  REQUIRE(write.outcome() != nullptr);
  CHECK(*write.outcome() == ban("ab"));
  CHECK(outcomes.empty());
  write.succeed(true);
  CHECK(outcomes == Outcomes{"ab"});
}

TEST_CASE("if something else is there, the change is made again of that, to the letter") {
  Outcomes outcomes;
  auto write = changes(outcomes, {append("b")});
  write.expect_known(nullptr, now);
  CHECK(write.order() == replace("", ban("b")));
  auto later = to_text(ban("c"));
  later.insert(1, R"("severity":{"of":"a later release"},)");
  struct Row {
    std::string label;
    std::string there;
    std::string reason;
  };
  for (const auto& row : {
           Row{"of this release", to_text(ban("a")), "ab"},
           Row{"of a later release", later, "cb"},
           Row{"over", to_text(ban("over", now)), "b"},
           Row{"no record", "{", "b"},
           Row{"of another net", R"({"kind":"ban","net":"192.0.2.2","until":2000000000000})", "b"},
           Row{"nothing", "", "b"},
       }) {
    CAPTURE(row.label);
    write.expect_there(row.there, now);
    CHECK(write.order() == replace(row.there, ban(row.reason)));
  }
  CHECK(write.tries() == 7);
  write.succeed(true);
  CHECK(outcomes == Outcomes{"b"});
}

TEST_CASE("changes that go together are made one of the other, and each is told what came of it") {
  Outcomes outcomes;
  auto write = changes(
      outcomes, {append("b"), leave, append("c"), [](const Record*) { return ban("over", now); }, leave, append("d")});
  write.expect_known(entry(ban("a")), now);
  CHECK(write.order() == replace(to_text(ban("a")), ban("d")));
  write.succeed(true);
  CHECK(outcomes == Outcomes{"ab", "ab", "abc", "nothing", "nothing", "d"});
}

TEST_CASE("what a change leaves as it is is only looked at") {
  Outcomes outcomes;
  auto write = changes(outcomes, {leave});
  write.expect_known(entry(ban("a")), now);
  CHECK(write.order().what == RecordOrder::What::look);
  CHECK(write.stays(to_text(ban("a"))));
  CHECK_FALSE(write.stays(""));
  CHECK_FALSE(write.stays(to_text(ban("b"))));
  write.expect_there(to_text(ban("b")), now);
  CHECK(write.stays(to_text(ban("b"))));
  write.succeed(true);
  CHECK(outcomes == Outcomes{"b"});
  auto change = changes(outcomes, {append("b")});
  change.expect_there("", now);
  CHECK_FALSE(change.stays(""));
}

TEST_CASE("a change to what is over takes out what is there") {
  Outcomes outcomes;
  auto write = changes(outcomes, {[](const Record*) { return ban("over", now); }});
  write.expect_known(entry(ban("a")), now);
  CHECK(write.order() ==
        RecordOrder{.what = RecordOrder::What::replace, .expected = to_text(ban("a")), .text = "", .until = 0});
  CHECK(write.outcome() == nullptr);
}

TEST_CASE("a change to what cannot be written fails alone") {
  const auto grant_name = *store::RecordName::parse("grant/192.0.2.0/24");
  const Record grant{.net = grant_name.net, .until = now + 1h, .what = store::Grant{{{.name = "julia@example.com"}}}};
  Outcomes outcomes;
  RedisRecordWrite write(
      grant_name, [&](const Record*) { return grant; }, tell(outcomes));
  store::Records::Change second = leave;
  auto done = tell(outcomes);
  REQUIRE(write.add(second, done));
  write.expect_known(nullptr, now);
  CHECK(write.order().what == RecordOrder::What::look);
  write.succeed(false);
  CHECK(outcomes == Outcomes{"error: a grant is not of one address", "nothing"});
}

TEST_CASE("an error is told to each, and an erasure whether there was one") {
  Outcomes outcomes;
  auto write = changes(outcomes, {append("a"), leave});
  write.expect_known(nullptr, now);
  write.fail({"no"});
  CHECK(outcomes == Outcomes{"error: no", "error: no"});
  std::vector<bool> told;
  for (const bool there_was_one : {true, false}) {
    RedisRecordWrite erasure(name, [&](const Result<bool>& erased) { told.push_back(erased.value()); });
    erasure.expect_known(entry(ban("a")), now);
    CHECK(erasure.order() == RecordOrder{.what = RecordOrder::What::erase, .expected = "", .text = "", .until = 0});
    CHECK(erasure.outcome() == nullptr);
    erasure.succeed(there_was_one);
  }
  CHECK(told == std::vector<bool>{true, false});
}

TEST_CASE("so many changes go together, and none with an erasure") {
  Outcomes outcomes;
  auto write = changes(outcomes, std::vector<store::Records::Change>(RedisRecordWrite::most_changes, append("a")));
  auto change = append("a");
  auto done = tell(outcomes);
  CHECK_FALSE(write.add(change, done));
  REQUIRE(change);
  REQUIRE(done);
  RedisRecordWrite erasure(name, [](const Result<bool>&) {});
  CHECK_FALSE(erasure.add(change, done));
  CHECK(change);
}

}  // namespace mxwarden
