#include "firewall/ban_table.hpp"

#include <cstring>

namespace mxwarden::firewall {
namespace {

constexpr Instant unmarked = Instant::min();

}  // namespace

std::size_t PrefixHash::hash(const Address& address, int length) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, address.bytes().data(), sizeof high);
  std::memcpy(&low, address.bytes().data() + sizeof high, sizeof low);
  // Of the golden ratio, and of the square root of two. The table mixes once more.
  constexpr std::uint64_t one = 0x9E3779B97F4A7C15;
  constexpr std::uint64_t other = 0xB504F333F9DE6485;
  const auto hash = (high ^ static_cast<std::uint64_t>(length)) * one + low * other;
  return static_cast<std::size_t>(hash ^ hash >> 32U);
}

BanTable::BanTable() : index_(0, Hash{&bans_}, Same{&bans_}) {}

std::optional<BanTable::Slot> BanTable::find(const Prefix& net) const {
  const auto found = index_.find(net);
  return found == index_.end() ? std::nullopt : std::optional(*found);
}

BanTable::Slot BanTable::insert(const Prefix& net, Instant until) {
  const auto slot = static_cast<Slot>(bans_.size());
  const auto place = heap_.size();
  bans_.push_back({net.address(), static_cast<std::uint8_t>(net.length()), static_cast<std::uint32_t>(place), until});
  index_.insert(slot);
  heap_.push_back(slot);
  rise(place);
  return slot;
}

void BanTable::erase(Slot slot) {
  leave_heap(bans_[slot].place);
  index_.erase(index_.find(net(slot)));
  const auto last = static_cast<Slot>(bans_.size() - 1);
  if (slot != last) {
    index_.erase(index_.find(net(last)));
    bans_[slot] = bans_[last];
    heap_[bans_[slot].place] = slot;
    if (slot < marks_.size()) marks_[slot] = last < marks_.size() ? marks_[last] : unmarked;
    index_.insert(slot);
  }
  bans_.pop_back();
  if (marks_.size() > bans_.size()) marks_.pop_back();
}

void BanTable::set_until(Slot slot, Instant until) {
  bans_[slot].until = until;
  rise(bans_[slot].place);
  sink(bans_[slot].place);
}

void BanTable::begin_marks() {
  end_marks();
  marking_ = true;
}

void BanTable::end_marks() {
  marking_ = false;
  marks_ = {};
}

std::optional<Instant> BanTable::mark(Slot slot) const {
  if (slot >= marks_.size() || marks_[slot] == unmarked) return std::nullopt;
  return marks_[slot];
}

void BanTable::set_mark(Slot slot, Instant until) {
  if (!marking_) return;
  if (slot >= marks_.size()) marks_.resize(bans_.size(), unmarked);
  marks_[slot] = until;
}

void BanTable::stand(std::size_t place, Slot slot) {
  heap_[place] = slot;
  bans_[slot].place = static_cast<std::uint32_t>(place);
}

void BanTable::exchange(std::size_t one, std::size_t other) {
  const auto slot = heap_[one];
  stand(one, heap_[other]);
  stand(other, slot);
}

void BanTable::rise(std::size_t place) {
  while (place > 0 && sooner(place, (place - 1) / 2)) {
    exchange(place, (place - 1) / 2);
    place = (place - 1) / 2;
  }
}

void BanTable::sink(std::size_t place) {
  while (true) {
    auto child = place * 2 + 1;
    if (child >= heap_.size()) return;
    if (child + 1 < heap_.size() && sooner(child + 1, child)) ++child;
    if (!sooner(child, place)) return;
    exchange(place, child);
    place = child;
  }
}

void BanTable::leave_heap(std::size_t place) {
  const auto last = heap_.size() - 1;
  if (place != last) exchange(place, last);
  heap_.pop_back();
  if (place == last) return;
  const auto moved = heap_[place];
  rise(place);
  sink(bans_[moved].place);
}

}  // namespace mxwarden::firewall
