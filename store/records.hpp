#pragma once
// The records of a node, or of all nodes that share a Redis. Reading is from memory and waits for nothing; writing is
// acknowledged when it will survive.
//
// Threads: one, that of the requests.

#include <functional>

#include "base/result.hpp"
#include "store/record.hpp"
#include "store/record_book.hpp"

namespace mxwarden::store {

class Records {
 public:
  // Called once, later or before put() and erase() return, from the same thread. The error is a sentence for the
  // operator. Must not throw.
  using Done = std::function<void(Result<void>)>;

  virtual ~Records() = default;

  // Takes the place of what was there of its kind and net. Done without an error: it survives kill -9, and it is in
  // the book. On an error it may be in force on this node for as long as it lives, which the error then says.
  virtual void put(Record record, Done done) = 0;
  // That there is none is no error.
  virtual void erase(RecordKind kind, const Prefix& net, Done done) = 0;

  // Each second or so: what is over leaves the book. Bounded work.
  virtual void tick() = 0;

  // All that is known. Complete unless current() says otherwise.
  virtual const RecordBook& book() const = 0;
  // For others to follow what changes in it.
  virtual RecordBook& book() = 0;
  // False: what other nodes wrote may be missing, as they cannot be heard.
  virtual bool current() const = 0;
};

}  // namespace mxwarden::store
