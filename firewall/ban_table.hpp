#pragma once
// Bans of one kind: found by their net, and by which of them ends first. Pure.
//
// A slot is good until the next erase(). While a snapshot is under way each ban may be marked with the end that it has
// in there; the marks take memory in that time alone.
//
// About 50 bytes a ban: no slot is empty, and the index and the heap hold nothing but numbers of slots.

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"

namespace mxwarden::firewall {

struct PrefixHash {
  std::size_t operator()(const Prefix& net) const { return hash(net.address(), net.length()); }
  static std::size_t hash(const Address& address, int length);
};

class BanTable {
 public:
  using Slot = std::uint32_t;

  BanTable();
  BanTable(const BanTable&) = delete;
  BanTable& operator=(const BanTable&) = delete;

  std::size_t size() const { return bans_.size(); }

  std::optional<Slot> find(const Prefix& net) const;
  // It is not there yet.
  Slot insert(const Prefix& net, Instant until);
  // The last slot becomes this one: who goes over all of them begins with the last.
  void erase(Slot slot);

  Prefix net(Slot slot) const { return {bans_[slot].address, bans_[slot].length}; }
  Instant until(Slot slot) const { return bans_[slot].until; }
  void set_until(Slot slot, Instant until);
  // The ban that ends first; size() > 0.
  Slot soonest() const { return heap_.front(); }

  void begin_marks();
  void end_marks();
  std::optional<Instant> mark(Slot slot) const;
  void set_mark(Slot slot, Instant until);

 private:
  struct Ban {
    Address address;
    std::uint8_t length;
    std::uint32_t place;  // in the heap
    Instant until;
  };

  struct Hash {
    using is_transparent = void;
    const std::vector<Ban>* bans;
    std::size_t operator()(const Prefix& net) const { return PrefixHash()(net); }
    std::size_t operator()(Slot slot) const { return PrefixHash::hash((*bans)[slot].address, (*bans)[slot].length); }
  };

  struct Same {
    using is_transparent = void;
    const std::vector<Ban>* bans;
    bool operator()(Slot one, Slot other) const { return one == other; }
    bool operator()(Slot slot, const Prefix& net) const {
      return (*bans)[slot].address == net.address() && (*bans)[slot].length == net.length();
    }
    bool operator()(const Prefix& net, Slot slot) const { return operator()(slot, net); }
  };

  bool sooner(std::size_t one, std::size_t other) const { return bans_[heap_[one]].until < bans_[heap_[other]].until; }
  void stand(std::size_t place, Slot slot);
  void exchange(std::size_t one, std::size_t other);
  void rise(std::size_t place);
  void sink(std::size_t place);
  void leave_heap(std::size_t place);

  std::vector<Ban> bans_;
  boost::unordered_flat_set<Slot, Hash, Same> index_;
  std::vector<Slot> heap_;  // binary, the soonest end first
  bool marking_ = false;
  std::vector<Instant> marks_;  // of as many slots as had one so far
};

}  // namespace mxwarden::firewall
