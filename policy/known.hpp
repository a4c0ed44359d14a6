#pragma once
// What is remembered of a client, looked up before the rules are asked: a look into memory, which waits for nothing.

#include "base/clock.hpp"
#include "store/record.hpp"
#include "store/records.hpp"

namespace mxwarden::policy {

// Null: nothing. What it points to stays as it is, whatever becomes of the record.
struct Known {
  store::RecordBook::Entry operators_ban;
  store::RecordBook::Entry ban;  // made by a rule
  store::RecordBook::Entry listing;
  store::RecordBook::Entry grant;
  // False: other nodes cannot be heard, and what they know may be missing.
  bool all_said = true;
  WallTime now{};

  Duration left(const store::RecordBook::Entry& record) const { return record->until - now; }
};

// The narrowest of each that covers the client.
Known look_up(const store::Records& records, const Address& client, Instant now);

}  // namespace mxwarden::policy
