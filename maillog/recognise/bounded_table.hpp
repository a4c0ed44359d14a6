#pragma once
// A hash table of so many entries at most: of more, the one that was put first is forgotten. Its memory is taken once,
// as the entries come, and kept.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace mxwarden::maillog {

template <class Key, class Value, class Hash>
class BoundedTable {
 public:
  explicit BoundedTable(std::uint32_t most) : most_(most), chains_(chains_for(most), none) {}

  std::size_t size() const { return size_; }

  Value* find(const Key& key) {
    auto at = chains_[chain_of(key)];
    while (at != none && !(entries_[at].key == key)) at = entries_[at].next_in_chain;
    return at == none ? nullptr : &entries_[at].value;
  }

  // In the place of what is there under that key, and now the youngest.
  Value& put(const Key& key, Value value) {
    erase(key);
    if (size_ == most_) erase(Key(entries_[oldest_].key));
    const auto at = free_place();
    auto& entry = entries_[at];
    entry.key = key;
    entry.value = std::move(value);
    auto& chain = chains_[chain_of(key)];
    entry.next_in_chain = chain;
    chain = at;
    entry.older = youngest_;
    entry.younger = none;
    (youngest_ == none ? oldest_ : entries_[youngest_].younger) = at;
    youngest_ = at;
    ++size_;
    return entry.value;
  }

  void erase(const Key& key) {
    auto* link = &chains_[chain_of(key)];
    while (*link != none && !(entries_[*link].key == key)) link = &entries_[*link].next_in_chain;
    if (*link == none) return;
    const auto at = *link;
    auto& entry = entries_[at];
    *link = entry.next_in_chain;
    (entry.older == none ? oldest_ : entries_[entry.older].younger) = entry.younger;
    (entry.younger == none ? youngest_ : entries_[entry.younger].older) = entry.older;
    entry.next_in_chain = first_free_;
    first_free_ = at;
    --size_;
  }

 private:
  using Place = std::uint32_t;
  static constexpr Place none = UINT32_MAX;

  struct Entry {
    Key key{};
    Value value{};
    Place next_in_chain = none;  // of a free one: the next that is free
    Place older = none;
    Place younger = none;
  };

  static std::size_t chains_for(std::uint32_t most) {
    std::size_t chains = 1;
    while (chains < most) chains *= 2;
    return chains;
  }

  std::size_t chain_of(const Key& key) const { return Hash{}(key) & (chains_.size() - 1); }

  Place free_place() {
    if (first_free_ == none) {
      entries_.emplace_back();
      return static_cast<Place>(entries_.size() - 1);
    }
    const auto at = first_free_;
    first_free_ = entries_[at].next_in_chain;
    return at;
  }

  std::uint32_t most_;
  std::size_t size_ = 0;
  std::vector<Place> chains_;
  std::vector<Entry> entries_;
  Place first_free_ = none;
  Place oldest_ = none;
  Place youngest_ = none;
};

}  // namespace mxwarden::maillog
