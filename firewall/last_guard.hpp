#pragma once
// The last line of defence: what never goes to the kernel, whoever has banned it. Pure.
//
// Asked for each of a million bans: what is guarded is searched by halves.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "conf/settings.hpp"

namespace mxwarden::firewall {

class LastGuard {
 public:
  // [client] trusted and never_ban, [guard] widest_ipv4 and widest_ipv6; `own` are this host's addresses. And the
  // canaries (firewall/layout.hpp): a ban of one would end it.
  LastGuard(const conf::Settings& settings, const std::vector<Address>& own);

  // A sentence; nothing: it may. Nothing that is guarded may lie in the net, nor the net in it.
  std::optional<std::string> why_not(const Prefix& net) const;

  // The clients of these prefix lengths that are guarded, as far as they can be listed: of a net with more than 256 of
  // them, none. The canaries are not among them.
  std::vector<Prefix> clients(int ipv4_prefix, int ipv6_prefix) const;

 private:
  struct Guarded {
    Prefix net;
    std::string_view why;
  };
  using ByFamily = std::array<std::vector<Guarded>, 2>;

  static std::size_t index(const Address& address) { return address.is_ipv4() ? 0 : 1; }
  const Guarded* overlapping(const Prefix& net) const;

  ByFamily guarded_;  // in order, none within another
  static constexpr int most_bits = 8;

  int widest_ipv4_;
  int widest_ipv6_;
};

}  // namespace mxwarden::firewall
