#pragma once
// The longest prefix that covers an address, of prefixes of one family.
//
// Nested nets are flattened once into a sorted list of points, each saying which net is in force from there on; a
// look-up is one binary search, however many prefix lengths there are. Insert all, finish() once, then find().

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/address.hpp"

namespace mxwarden::conf {

class NetIndex {
 public:
  void insert(const Prefix& net, std::uint32_t entry);
  // The entries of nets that are there twice: the first one, and each that repeats it and is left out.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> finish();
  std::optional<std::uint32_t> find(const Address& address) const;

 private:
  // An address as a number: the first 8 bytes, and the rest.
  using Number = std::pair<std::uint64_t, std::uint64_t>;

  struct Net {
    Number first;
    Number last;
    std::uint32_t entry;
  };
  struct Point {
    Number from;
    std::uint32_t entry;
  };

  static Number number(const Address& address);
  static Number last_of(const Prefix& net);
  void add_point(const Number& from, std::uint32_t entry);
  void leave(std::vector<Net>& open);

  std::vector<Net> nets_;
  std::vector<Point> points_;
};

}  // namespace mxwarden::conf
