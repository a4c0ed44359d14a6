#pragma once
// Keeps an eye on what rules do to clients with a good record (policy/good_record_guard.hpp), and looks up in the store
// who has one.
//
// Threads: one, that of the requests. The store must outlive it, and not answer it after its end.

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "conf/settings.hpp"
#include "policy/good_record_guard.hpp"
#include "store/store.hpp"

namespace mxwarden::policy {

// What a decision says of a client's good record.
struct Meeting {
  std::string client;          // as an entity
  std::string refused_by;      // a rule that refuses it, or would in monitor mode; empty: its message has come through
  std::uint64_t messages = 0;  // that have, with this one
};

class GoodRecords {
 public:
  explicit GoodRecords(store::Store& store) : store_(store) {}
  GoodRecords(const GoodRecords&) = delete;
  GoodRecords& operator=(const GoodRecords&) = delete;

  // Before the first meeting, and at each reload: what rules did before is not held against them.
  void configure(const conf::Settings& settings);
  void met(const Meeting& meeting, Instant now);
  // Each second: the rules that are to be in monitor mode.
  std::vector<GoodRecordGuard::Hit> tick(Instant now);

 private:
  void look_up(const Meeting& meeting, Instant now);

  store::Store& store_;
  conf::Rate good_record_;
  int share_ = 0;
  GoodRecordGuard guard_;
};

}  // namespace mxwarden::policy
