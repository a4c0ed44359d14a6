#pragma once
// The clients whose bans are to change in the kernel, each once, whatever has become of it meanwhile. Pure.

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "firewall/ban_table.hpp"

namespace mxwarden::firewall {

class Waiting {
 public:
  enum class Way : std::uint8_t { goes, comes };

  // `made`: when the ban was, if how long it takes to the kernel is of interest. Of several that wait the first counts.
  void put(const Prefix& net, Way way, std::optional<Instant> made);
  void erase(const Prefix& net);
  void clear();

  std::size_t size() const;
  std::size_t size(Way way, bool ipv4) const { return nets(way, ipv4).size(); }
  // So many of them at most.
  std::vector<Prefix> some(Way way, bool ipv4, std::size_t most) const;
  // Of those that come.
  std::optional<Instant> made(const Prefix& net) const;
  std::optional<Instant> first_made() const;

 private:
  using Nets = boost::unordered_flat_map<Prefix, std::optional<Instant>, PrefixHash>;

  static std::size_t index(Way way, bool ipv4) { return (way == Way::goes ? 0U : 1U) + (ipv4 ? 0U : 2U); }
  const Nets& nets(Way way, bool ipv4) const { return nets_[index(way, ipv4)]; }
  Nets& nets(Way way, bool ipv4) { return nets_[index(way, ipv4)]; }

  std::array<Nets, 4> nets_;
};

}  // namespace mxwarden::firewall
