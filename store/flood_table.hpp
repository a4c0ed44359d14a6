#pragma once
// A hash table that never grows, for entries that end by themselves: one expiry and one flood policy for everything the
// embedded store remembers.
//
// While there is room every key that is inserted gets an entry. When there is none, a key's first insertion only marks
// the doorkeeper; at its second an entry gives way: of eight picked at random an expired one, else the lightest, else
// the one that would have expired first. Expired entries are taken back by a hand that goes round, a few at each
// insertion and more at sweep(). An entry's end is kept in whole seconds, rounded up.
//
// Body: valid when all its bytes are zero, weight() says how much it would be missed. `forget` is called for a body
// before its memory is used again. Entries do not move, but an insertion may end any other one: a pointer kept over
// an insertion is to be asked with is().
//
// Limits: 2^31 entries. Threads: one.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#include "base/clock.hpp"
#include "store/doorkeeper.hpp"
#include "store/key.hpp"
#include "store/slab_index.hpp"
#include "store/zeroed_array.hpp"

namespace mxwarden::store {

template <class Body>
class FloodTable {
 public:
  struct Entry {
    Key key;
    std::uint32_t expires;  // seconds of the steady clock; 0: not in use
    Body body;

    bool is(const Key& other) const { return expires != 0 && key == other; }
  };

  struct Inserted {
    Entry* entry = nullptr;  // none: it was only marked
    bool fresh = false;      // its body is all zero
  };

  using Forget = std::function<void(Body&)>;

  FloodTable(std::size_t most, std::uint64_t seed, Forget forget = {})
      : most_(std::clamp<std::size_t>(most, 1, std::size_t{1} << 30U)),
        slab_(most_),
        index_(most_),
        doorkeeper_(most_),
        random_(seed),
        forget_(std::move(forget)) {}
  FloodTable(const FloodTable&) = delete;
  FloodTable& operator=(const FloodTable&) = delete;
  ~FloodTable() {
    if (!forget_) return;
    for (std::size_t i = 0; i < touched_; ++i) {
      if (slab_[i].expires != 0) forget_(slab_[i].body);
    }
  }

  // What is to be found soon: the memory is asked for now, so that several waits overlap.
  void prefetch(const Key& key) const { index_.prefetch(tag(key)); }

  // The same, one step on: when the place in the index has come, for the entry. Inlined, as GCC takes a call whose only
  // effect is a prefetch for one without any, and leaves it out.
  [[gnu::always_inline]] void prefetch_entry(const Key& key) const {
    const auto number = index_.find_by_tag(tag(key));
    if (number == none) return;
    const auto* entry = reinterpret_cast<const char*>(&slab_[number]);
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + sizeof(Entry) - 1);
  }

  // Null: unknown, or expired.
  Entry* find(const Key& key, Instant now) {
    Entry* entry = lookup(key);
    return entry != nullptr && !expired(*entry, now) ? entry : nullptr;
  }

  // The entry of `key`, made if it has to be.
  Inserted insert(const Key& key, Instant now) {
    if (Entry* entry = lookup(key)) {
      if (!expired(*entry, now)) return {entry, false};
      empty(*entry);
      entry->expires = seconds(now) + 1;
      return {entry, true};
    }
    reclaim(now, looks_at_insertion, looks_at_insertion);
    if (size_ == most_) {
      if (!doorkeeper_.knew_or_mark(key, now)) {
        ++turned_away_;
        return {};
      }
      evict(now, nullptr);
    }
    Entry& entry = slab_[take_free()];
    entry.key = key;
    entry.expires = seconds(now) + 1;
    index_.insert(tag(key), number(entry));
    ++size_;
    return {&entry, true};
  }

  // The entry is needed until then at least.
  void keep_until(Entry& entry, Instant until) { entry.expires = std::max(entry.expires, seconds(until) + 1); }

  // Ends one entry other than `spared`, as if its room were needed.
  void evict(Instant now, const Entry* spared) {
    Entry* victim = nullptr;
    for (int i = 0; i < samples; ++i) {
      Entry& entry = slab_[next_random() % touched_];
      if (entry.expires == 0 || &entry == spared) continue;
      if (victim == nullptr || gives_way_before(entry, *victim, now)) victim = &entry;
    }
    if (victim == nullptr) return;
    if (!expired(*victim, now)) ++evicted_;
    erase(*victim);
  }

  // Takes expired entries back; bounded work, a round of a full table takes about a minute of seconds.
  void sweep(Instant now) { reclaim(now, touched_ / sweeps_of_a_round + looks_at_insertion, reclaimed_at_sweep); }

  std::size_t size() const { return size_; }
  std::size_t most() const { return most_; }
  std::uint64_t evicted() const { return evicted_; }
  std::uint64_t turned_away() const { return turned_away_; }

 private:
  static constexpr int samples = 8;
  static constexpr std::size_t looks_at_insertion = 2;
  static constexpr std::size_t sweeps_of_a_round = 64;
  static constexpr std::size_t reclaimed_at_sweep = 2048;

  static std::uint32_t tag(const Key& key) { return static_cast<std::uint32_t>(key.low); }
  static std::uint32_t seconds(Instant at) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(whole, 0, std::int64_t{std::numeric_limits<std::uint32_t>::max()} - 1));
  }
  static bool expired(const Entry& entry, Instant now) { return entry.expires <= seconds(now); }
  static bool gives_way_before(const Entry& entry, const Entry& other, Instant now) {
    const bool over = expired(entry, now);
    if (over != expired(other, now)) return over;
    return std::pair(entry.body.weight(), entry.expires) < std::pair(other.body.weight(), other.expires);
  }

  std::uint32_t number(const Entry& entry) const { return static_cast<std::uint32_t>(&entry - &slab_[0]); }

  Entry* lookup(const Key& key) {
    const auto at = index_.find(tag(key), [&](std::uint32_t candidate) { return slab_[candidate].key == key; });
    return at ? &slab_[*at] : nullptr;
  }

  void empty(Entry& entry) {
    if (forget_) forget_(entry.body);
    std::memset(static_cast<void*>(&entry.body), 0, sizeof(Body));
  }

  void erase(Entry& entry) {
    index_.erase(tag(entry.key), number(entry));
    empty(entry);
    entry.expires = 0;
    entry.key.low = free_;  // a free entry's key is the list of free ones
    free_ = number(entry);
    --size_;
  }

  std::uint32_t take_free() {
    if (free_ == none) return static_cast<std::uint32_t>(touched_++);
    const std::uint32_t taken = free_;
    free_ = static_cast<std::uint32_t>(slab_[taken].key.low);
    return taken;
  }

  void reclaim(Instant now, std::size_t looks, std::size_t reclaims) {
    for (looks = std::min(looks, touched_); looks > 0 && reclaims > 0; --looks) {
      hand_ = hand_ + 1 < touched_ ? hand_ + 1 : 0;
      Entry& entry = slab_[hand_];
      if (entry.expires == 0 || !expired(entry, now)) continue;
      erase(entry);
      --reclaims;
    }
  }

  // splitmix64
  std::uint64_t next_random() {
    std::uint64_t mixed = random_ += 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ mixed >> 30U) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27U) * 0x94d049bb133111ebU;
    return mixed ^ mixed >> 31U;
  }

  static constexpr std::uint32_t none = SlabIndex::none;

  std::size_t most_;
  ZeroedArray<Entry> slab_;
  SlabIndex index_;
  Doorkeeper doorkeeper_;
  std::uint64_t random_;
  Forget forget_;
  std::size_t size_ = 0;
  std::size_t touched_ = 0;  // entries from here on were never used
  std::size_t hand_ = 0;
  std::uint32_t free_ = none;
  std::uint64_t evicted_ = 0;
  std::uint64_t turned_away_ = 0;
};

}  // namespace mxwarden::store
