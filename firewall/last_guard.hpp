#pragma once
// The last line of defence: what never goes to the kernel, whoever has banned it. Pure.

#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "conf/settings.hpp"

namespace mxwarden::firewall {

class LastGuard {
 public:
  // [client] trusted and never_ban, [guard] widest_ipv4 and widest_ipv6; `own` are this host's addresses.
  LastGuard(const conf::Settings& settings, std::vector<Address> own);

  // A sentence; nothing: it may. Nothing that is guarded may lie in the net, nor the net in it.
  std::optional<std::string> why_not(const Prefix& net) const;

 private:
  std::vector<Prefix> guarded_;
  int widest_ipv4_;
  int widest_ipv6_;
};

}  // namespace mxwarden::firewall
