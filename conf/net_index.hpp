#pragma once
// Which of many nets is the longest that holds an address.
//
// Nets lie in each other or apart, never across: so they cut the address space into runs, each of which belongs to one
// entry (or none). finish() lays the runs out by their first address, and a look-up is one binary search, however many
// prefix lengths there are. Insert all, finish() once, then find().

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/address.hpp"

namespace mxwarden::conf {

class NetIndex {
 public:
  // Entries repeated: the first one, and each that has the same net and is left out.
  using Repeated = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

  void insert(const Prefix& net, std::uint32_t entry);
  Repeated finish();
  std::optional<std::uint32_t> find(const Address& address) const;

 private:
  // Of one family; Number is as wide as its addresses, so that those of IPv4 stay in the nearest cache.
  template <class Number>
  class Runs {
   public:
    void insert(const Prefix& net, std::uint32_t entry);
    void finish(Repeated& repeated);
    std::optional<std::uint32_t> find(const Address& address) const;

   private:
    struct Net {
      Number first;
      Number last;
      std::uint32_t entry;
    };

    void begin_run(const Number& first, std::uint32_t entry);
    void leave(std::vector<Net>& open);

    std::vector<Net> nets_;  // until finish()
    std::vector<Number> firsts_;
    std::vector<std::uint32_t> entries_;  // of the run that begins there
  };

  __extension__ using Uint128 = unsigned __int128;

  Runs<std::uint32_t> ipv4_;
  Runs<Uint128> ipv6_;
};

}  // namespace mxwarden::conf
