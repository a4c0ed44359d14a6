#pragma once
// Keeps an eye on what rules do to clients with a good record (policy/good_record_guard.hpp), looks up in the store who
// has one, and says which rules are kept from whom. When a rule begins to be kept from them, and when it no longer is,
// the operator is told.
//
// Threads: one, that of the requests. The store must outlive it, and not answer it after its end.

#include <functional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "conf/settings.hpp"
#include "policy/good_record_guard.hpp"
#include "policy/rule.hpp"
#include "store/store.hpp"

namespace mxwarden::policy {

// What a decision says of a client's good record.
struct Meeting {
  std::string client;  // as an entity
  std::vector<std::string>
      refused_by;              // rules that refuse it, or would in monitor mode; none: its message came through
  std::uint64_t messages = 0;  // that have come through, with this one; 0: this is none
};

class GoodRecords {
 public:
  using Say = std::function<void(log::Level, std::string)>;

  GoodRecords(store::Store& store, Say say) : store_(store), say_(std::move(say)) {}
  GoodRecords(const GoodRecords&) = delete;
  GoodRecords& operator=(const GoodRecords&) = delete;

  // Before the first meeting, and at each reload: what rules did before is not held against them.
  void configure(const conf::Settings& settings);
  void met(const Meeting& meeting, Instant now);
  // Each second.
  void tick(Instant now);

  // The rules that are kept from this client; null: none.
  const RuleNames* spared(const std::string& client) const {
    return spared_.empty() || !guard_.knows(client) ? nullptr : &spared_;
  }
  // Those that are kept from all with a good record.
  const RuleNames& spared() const { return spared_; }

 private:
  void look_up(const std::string& client, const std::string& rule, Instant now);

  store::Store& store_;
  Say say_;
  conf::Rate good_record_;
  int share_ = 0;
  GoodRecordGuard guard_;
  RuleNames spared_;
};

}  // namespace mxwarden::policy
