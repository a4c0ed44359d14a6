#pragma once
// The most frequent keys of a stream in bounded memory, by the space-saving algorithm: A. Metwally, D. Agrawal, A. El
// Abbadi, "Efficient computation of frequent and top-k elements in data streams", ICDT 2005.
//
// Of N events over any number of keys, `most` keys have a count. A key that has none takes the place of the one with
// the lowest, and begins with that one's count, which is its error. So for each key that is in it
//
//   count - error <= what it has truly made <= count,
//
// no key that is not in it has made more than floor(), floor() is N / most at most, and every key that has made more
// than N / most is in it.
//
// O(1) an event: keys stand in the order of their counts, and those of one count are a bucket, so that one more is a
// step to the head of the bucket and into the next. No allocation once it is full; it grows to that as keys come.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "store/slab_index.hpp"

namespace mxwarden::policy {

template <class Key>
class SpaceSaving {
 public:
  struct Entry {
    explicit Entry(const Key& of) : key(of) {}

    Key key;
    std::uint64_t error = 0;
    Instant last{};          // for its owner, as is the next
    std::uint16_t rule = 0;  // both begin anew with another key

   private:
    friend class SpaceSaving;

    std::uint32_t tag = 0;
    std::uint32_t place = 0;   // in order_
    std::uint32_t bucket = 0;  // in buckets_
  };

  explicit SpaceSaving(std::size_t most) : most_(most), index_(most) {}

  // One more of this key. `tag` is a hash of it, always the same. What is returned lives until the next call.
  Entry& count(const Key& key, std::uint32_t tag) {
    const auto known = find_index(key, tag);
    const auto entry = known ? *known : entries_.size() < most_ ? add(key, tag) : replace_last(key, tag);
    increment(entry);
    return entries_[entry];
  }

  // Null: it is not in it.
  Entry* find(const Key& key, std::uint32_t tag) {
    const auto entry = find_index(key, tag);
    return entry ? &entries_[*entry] : nullptr;
  }

  std::uint64_t count_of(const Entry& entry) const { return buckets_[entry.bucket].count; }
  // In no order.
  const std::vector<Entry>& entries() const { return entries_; }
  // What a key that is not in it may have made at most.
  std::uint64_t floor() const { return entries_.size() < most_ ? 0 : count_of(entries_[order_.back()]); }

  void clear() {
    for (std::uint32_t at = 0; at < entries_.size(); ++at) index_.erase(entries_[at].tag, at);
    entries_.clear();
    order_.clear();
    buckets_.clear();
    free_buckets_.clear();
  }

 private:
  // The part of order_ in which all have the same count.
  struct Bucket {
    std::uint64_t count;
    std::uint32_t begin;
    std::uint32_t end;
  };

  std::optional<std::uint32_t> find_index(const Key& key, std::uint32_t tag) const {
    return index_.find(tag, [&](std::uint32_t entry) { return entries_[entry].key == key; });
  }

  // With a count of 0, which is for increment() to change.
  std::uint32_t add(const Key& key, std::uint32_t tag) {
    const auto at = static_cast<std::uint32_t>(entries_.size());
    auto& entry = entries_.emplace_back(key);
    entry.tag = tag;
    entry.place = at;
    entry.bucket = make_bucket({.count = 0, .begin = at, .end = at + 1});
    order_.push_back(at);
    index_.insert(tag, at);
    return at;
  }

  std::uint32_t replace_last(const Key& key, std::uint32_t tag) {
    const auto at = order_.back();
    auto& entry = entries_[at];
    index_.erase(entry.tag, at);
    index_.insert(tag, at);
    entry.key = key;
    entry.error = count_of(entry);
    entry.last = {};
    entry.rule = 0;
    entry.tag = tag;
    return at;
  }

  void increment(std::uint32_t at) {
    auto& entry = entries_[at];
    auto& bucket = buckets_[entry.bucket];
    const auto head = bucket.begin;
    const auto other = order_[head];
    order_[entry.place] = other;
    entries_[other].place = entry.place;
    order_[head] = at;
    entry.place = head;
    const auto count = bucket.count + 1;
    const bool joins = head > 0 && count_of(entries_[order_[head - 1]]) == count;
    const bool alone = bucket.end - bucket.begin == 1;
    if (alone && !joins) {
      bucket.count = count;
      return;
    }
    ++bucket.begin;
    if (alone) free_buckets_.push_back(entry.bucket);
    if (joins) {
      entry.bucket = entries_[order_[head - 1]].bucket;
      ++buckets_[entry.bucket].end;
    } else {
      entry.bucket = make_bucket({.count = count, .begin = head, .end = head + 1});
    }
  }

  std::uint32_t make_bucket(const Bucket& bucket) {
    if (free_buckets_.empty()) {
      buckets_.push_back(bucket);
      free_buckets_.reserve(buckets_.capacity());
      return static_cast<std::uint32_t>(buckets_.size() - 1);
    }
    const auto at = free_buckets_.back();
    free_buckets_.pop_back();
    buckets_[at] = bucket;
    return at;
  }

  std::size_t most_;
  store::SlabIndex index_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> order_;  // entries, the highest count first
  std::vector<Bucket> buckets_;
  std::vector<std::uint32_t> free_buckets_;
};

}  // namespace mxwarden::policy
