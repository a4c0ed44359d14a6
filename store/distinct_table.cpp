#include "store/distinct_table.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "store/store.hpp"

namespace mxwarden::store {
namespace {

constexpr std::size_t sets_least = 64;
constexpr int evictions_for_room = 8;

std::uint32_t next_capacity(std::uint32_t capacity) {
  if (capacity == 0) return 1;
  return std::min(std::max(capacity * 2, std::uint32_t{4}), static_cast<std::uint32_t>(distinct_most));
}

void drop_front(MemberSet& set, std::size_t dropped) {
  std::copy(set.members + dropped, set.members + set.size, set.members);
  set.size -= static_cast<std::uint32_t>(dropped);
}

void forget_before(MemberSet& set, Instant first_kept) {
  const auto all = set.all();
  const auto kept =
      std::find_if(all.begin(), all.end(), [&](const Member& member) { return member.seen > first_kept; });
  if (kept != all.begin()) drop_front(set, static_cast<std::size_t>(kept - all.begin()));
}

}  // namespace

DistinctTable::DistinctTable(std::size_t entries, std::uint64_t seed)
    : room_most_(std::max<std::size_t>(entries, distinct_most)),
      table_(std::max(entries / 16, sets_least), seed, [this](MemberSet& set) {
        room_ -= set.capacity;
        std::free(set.members);
      }) {}

std::span<const Member> DistinctTable::find(const Key& key, Instant now) {
  const Entry* entry = table_.find(key, now);
  return entry == nullptr ? std::span<const Member>() : entry->body.all();
}

void DistinctTable::record(const Key& key, std::uint64_t member, Duration longest, Instant now) {
  Entry* entry = table_.insert(key, now).entry;
  if (entry == nullptr) return;
  table_.keep_until(*entry, now + longest);
  MemberSet& set = entry->body;
  const Instant seen = set.size > 0 ? std::max(now, set.members[set.size - 1].seen) : now;
  forget_before(set, seen - longest);
  Member* const end = set.members + set.size;
  Member* const known = std::find_if(set.members, end, [&](const Member& other) { return other.hash == member; });
  if (known != end) {
    std::copy(known + 1, end, known);
    --set.size;
  } else if (set.size == distinct_most) {
    drop_front(set, 1);
  } else if (set.size == set.capacity && !make_room(*entry, now)) {
    if (set.size == 0) return;
    drop_front(set, 1);
  }
  set.members[set.size++] = {member, seen};
}

bool DistinctTable::make_room(Entry& entry, Instant now) {
  MemberSet& set = entry.body;
  const std::uint32_t capacity = next_capacity(set.capacity);
  const std::size_t more = capacity - set.capacity;
  for (int i = 0; i < evictions_for_room && room_ + more > room_most_; ++i) table_.evict(now, &entry);
  if (room_ + more > room_most_) return false;
  void* const members = std::realloc(set.members, capacity * sizeof(Member));
  if (members == nullptr) throw std::bad_alloc();
  set.members = static_cast<Member*>(members);
  set.capacity = capacity;
  room_ += more;
  return true;
}

}  // namespace mxwarden::store
