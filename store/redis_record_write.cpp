#include "store/redis_record_write.hpp"

#include <memory>
#include <utility>

namespace mxwarden::store {

RedisRecordWrite::RedisRecordWrite(const RecordName& name, Records::Erased done)
    : name_(name), erased_(std::move(done)) {
  order_.what = RecordOrder::What::erase;
}

RedisRecordWrite::RedisRecordWrite(const RecordName& name, Change change, Records::Updated done) : name_(name) {
  add(change, done);
}

bool RedisRecordWrite::add(Change& change, Records::Updated& done) {
  if (erased_ || steps_.size() >= most_changes) return false;
  steps_.push_back({.change = std::move(change), .done = std::move(done), .outcome = {}});
  return true;
}

void RedisRecordWrite::expect_known(const Entry& known, WallTime now) {
  plan(known, known ? to_text(*known) : std::string(), now);
}

// What is over by the clock of this node may still be there by that of Redis.
void RedisRecordWrite::expect_there(std::string_view text, WallTime now) {
  auto there = read_record(name_, text);
  const bool in_force = there && there->until > now;
  plan(in_force ? std::make_shared<const Record>(std::move(*there)) : nullptr, std::string(text), now);
}

// Each change is made of what the one before it has left.
void RedisRecordWrite::plan(Entry before, std::string text, WallTime now) {
  ++tries_;
  if (erased_) return;
  order_ = {.what = RecordOrder::What::look, .expected = std::move(text), .text = {}, .until = 0};
  outcome_ = std::move(before);
  for (auto& step : steps_) {
    step.outcome = take(step, outcome_, now);
    if (step.outcome) outcome_ = *step.outcome;
  }
  if (order_.what == RecordOrder::What::look || !outcome_) return;
  order_.text = to_text(*outcome_);
  order_.until = milliseconds_since_1970(outcome_->until);
}

Result<RedisRecordWrite::Entry> RedisRecordWrite::take(const Step& step, const Entry& before, WallTime now) {
  const auto record = ask(step.change, name_.kind, name_.net, before.get());
  if (!record) return before;
  // What others will read, to the letter.
  auto as_read = read_record(name_, to_text(*record));
  if (!as_read) return as_read.error();
  order_.what = RecordOrder::What::replace;
  if (as_read->until <= now) return Entry();
  return Entry(std::make_shared<const Record>(std::move(*as_read)));
}

bool RedisRecordWrite::stays(std::string_view there) const {
  return order_.what == RecordOrder::What::look && there == order_.expected;
}

void RedisRecordWrite::succeed(bool there_was_one) {
  if (erased_) return erased_(there_was_one);
  for (const auto& step : steps_) step.done(step.outcome);
}

void RedisRecordWrite::fail(const Error& error) {
  if (erased_) return erased_(error);
  for (const auto& step : steps_) step.done(error);
}

}  // namespace mxwarden::store
