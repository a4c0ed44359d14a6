#pragma once
// A write of one record on its way to Redis: an erasure, or changes that were asked for while another write of the same
// record was under way, put together into one. Pure: it is told what is there and says what is to be sent.
//
// A change is made of what is expected to be there, and is done only if just that is there; so what others write is
// never lost. If something else is there, that is expected next, to the letter, as what a later release has written
// loses members when it is read.
//
// A text that is no record of this release counts as none here, and gives way to a change.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/record_book.hpp"
#include "store/records.hpp"
#include "store/redis_record_wire.hpp"

namespace mxwarden::store {

class RedisRecordWrite {
 public:
  using Entry = RecordBook::Entry;
  // Like Records::Change, of the kind and net of the record.
  using Change = Records::Change;

  // So that what they cost fits into a turn of the loop.
  static constexpr std::size_t most_changes = 16;

  RedisRecordWrite(const RecordName& name, Records::Erased done);
  RedisRecordWrite(const RecordName& name, Change change, Records::Updated done);

  const RecordName& name() const { return name_; }

  // Before it is sent. False: it takes no more, and both are left as they are.
  bool add(Change& change, Records::Updated& done);

  // First what the node knows, then what Redis says.
  void expect_known(const Entry& known, WallTime now);
  void expect_there(std::string_view text, WallTime now);
  // What is to be sent; as long as nothing else is expected.
  const RecordOrder& order() const { return order_; }
  int tries() const { return tries_; }

  // Nothing was written as nothing was to be, and this is there, as expected.
  bool stays(std::string_view there) const;
  // What is there when it is written; null: nothing.
  const Entry& outcome() const { return outcome_; }

  // One of them, and once.
  void succeed(bool there_was_one);
  void fail(const Error& error);

 private:
  struct Step {
    Change change;
    Records::Updated done;
    Result<Entry> outcome;
  };

  void plan(Entry before, std::string text, WallTime now);
  Result<Entry> take(const Step& step, const Entry& before, WallTime now);

  RecordName name_;
  Records::Erased erased_;  // null: it is none
  std::vector<Step> steps_;
  RecordOrder order_;
  Entry outcome_;
  int tries_ = 0;
};

}  // namespace mxwarden::store
