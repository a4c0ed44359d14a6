#pragma once
// The records of a node, or of all nodes that share a Redis. Reading is from memory and waits for nothing; writing is
// acknowledged when it will survive.
//
// A record that is made of what was there before is changed by update(), which lets no change of another node or
// request get lost.
//
// Threads: one, that of the requests.

#include <functional>
#include <optional>

#include "base/result.hpp"
#include "store/record.hpp"
#include "store/record_book.hpp"

namespace mxwarden::store {

class Records {
 public:
  // These are called once, later or before the function that takes them returns, from the same thread. The error is a
  // sentence for the operator. Must not throw.
  using Done = std::function<void(Result<void>)>;
  using Erased = std::function<void(Result<bool>)>;                // whether there was one
  using Updated = std::function<void(Result<RecordBook::Entry>)>;  // with what came of it; null: nothing is there

  // What is to stand in the place of `before`, the record in force of that kind and net, or null; nothing: it stays as
  // it is. Pure: it may be asked again, with what another has written meanwhile.
  using Change = std::function<std::optional<Record>(const Record* before)>;

  virtual ~Records() = default;

  // What the change returns has this kind and net. Done without an error: it survives kill -9, and it is in the book.
  // On an error it may be in force on this node for as long as it lives, which the error then says. One that is over
  // already only removes what was there.
  virtual void update(RecordKind kind, const Prefix& net, Change change, Updated done) = 0;
  // That there is none is no error.
  virtual void erase(RecordKind kind, const Prefix& net, Erased done) = 0;
  // An update whatever is there.
  void put(Record record, Done done);

  // Each second or so: what is over leaves the book. Bounded work.
  virtual void tick() = 0;

  // All that is known. Complete unless current() says otherwise.
  virtual const RecordBook& book() const = 0;
  // For others to follow what changes in it.
  virtual RecordBook& book() = 0;
  // False: what other nodes wrote may be missing, as they cannot be heard.
  virtual bool current() const = 0;
};

// For those who implement it: asks `change`. A record of another kind or net is a bug of whoever made the change, and
// ends the process.
std::optional<Record> ask(const Records::Change& change, RecordKind kind, const Prefix& net, const Record* before);

}  // namespace mxwarden::store
