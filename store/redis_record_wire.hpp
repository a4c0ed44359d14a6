#pragma once
// Records in Redis: what their keys are called, what is asked, and what the answers mean. Pure. All that Redis says is
// looked at as if a stranger had said it.
//
// Keys, all in one hash slot, as one call of the script touches several of them (Redis Cluster allows no other):
//
//   PREFIX:r1{records}KIND/NET  the text of a record (store/record.hpp); ends when the record does
//   PREFIX:r1{records}index     a sorted set: KIND/NET by the record's end in milliseconds since 1970. Each write
//                               takes out up to 100 that are over
//   PREFIX:r1{records}changes   a stream, the last 10,000 changes: `of` KIND/NET and, unless it was erased,
//                               `record` its text
//
// Index and stream end a day after the last change, and not before the last record: as long as there are records, there
// is a change by which to know the stream again, and a Redis that is full (volatile-ttl) forgets most counts before.
//
// The 1 is the version of all this. Releases that can read each other's share it.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/record.hpp"
#include "store/redis_script.hpp"
#include "store/redis_wire.hpp"

namespace mxwarden::store {

// As Redis is to be given it. One call does what a RecordOrder says, in one step. An error means that nothing was
// changed.
std::string_view redis_record_script();

// A record without what it says: KIND/NET.
struct RecordName {
  RecordKind kind;
  Prefix net;

  static std::optional<RecordName> parse(std::string_view text);
  std::string to_string() const;

  bool operator==(const RecordName&) const = default;
};

// What is to be done with a record.
struct RecordOrder {
  enum class What : std::uint8_t {
    look,
    replace,  // if what is there is what is expected; otherwise only look
    erase,    // whatever is there
  };

  What what = What::look;
  std::string expected;    // the text that must be there; empty: none may be
  std::string text;        // that is to be there then; empty: none
  std::int64_t until = 0;  // the end of `text`, in milliseconds since 1970

  bool operator==(const RecordOrder&) const = default;
};

// Of a change in the stream: they grow.
struct ChangeId {
  std::uint64_t milliseconds = 0;
  std::uint64_t number = 0;

  static std::optional<ChangeId> parse(std::string_view text);
  std::string to_string() const;

  auto operator<=>(const ChangeId&) const = default;  // NOLINT(modernize-use-nullptr): it is a comparison
};

// Appends commands to what is to be sent.
class RedisRecordCommands {
 public:
  explicit RedisRecordCommands(const std::string& prefix);

  std::string key(std::string_view name) const { return common_ + std::string(name); }

  void append_order(std::string& to, const ScriptAs& script, const RecordName& name, const RecordOrder& order) const;
  void append_last_change(std::string& to) const;
  // About `count` names; the first `cursor` is "0".
  void append_index_page(std::string& to, std::string_view cursor, std::size_t count) const;
  void append_texts(std::string& to, const std::vector<std::string>& names) const;
  // From this one on, it included; none: from the first.
  void append_changes(std::string& to, std::optional<ChangeId> from, std::size_t count) const;

 private:
  std::string common_;  // of all keys
  std::string index_;
  std::string changes_;
};

// Views live as long as the reply.
struct IndexPage {
  std::string next_cursor;  // "0": there are no more
  std::vector<std::string> names;
};
struct HeardChange {
  ChangeId id;
  std::string_view name;
  std::string_view text;  // empty: erased
};

// What came of an order.
struct OrderOutcome {
  std::optional<ChangeId> id;  // of the change; none: nothing was written
  std::string_view there;      // the text that was there until then; empty: none
};

// Nothing: this is no answer to such a command.
std::optional<OrderOutcome> read_order_outcome(const RedisReply& reply);
std::optional<IndexPage> read_index_page(const RedisReply& reply);
// Each with a higher id than the one before.
std::optional<std::vector<HeardChange>> read_changes(const RedisReply& reply);

// What is kept under a name. An error: the text is none of a record, or of another one.
Result<Record> read_record(const RecordName& name, std::string_view text);

}  // namespace mxwarden::store
