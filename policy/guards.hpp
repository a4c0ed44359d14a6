#pragma once
// The guards against ourselves: whom no rule may ban or list by itself, however much speaks against him, and how many
// bans a minute rules may make. What an operator says is not held against them.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "conf/access_table.hpp"
#include "conf/settings.hpp"

namespace mxwarden::policy {

class Guards {
 public:
  Guards(const conf::Settings& settings, std::shared_ptr<const conf::AccessTable> access)
      : client_(settings.client), guard_(settings.guard), access_(std::move(access)) {}

  // A sentence why no rule may act on this net; nothing: it may. `own` are this host's addresses; `client_name` is the
  // verified name that the client has, or had when it was last known, for allow entries by name; others in the net may
  // have other names.
  std::optional<std::string> why_not(const Prefix& net, std::string_view client_name,
                                     const std::vector<Address>& own) const;

 private:
  conf::Settings::Client client_;
  conf::Settings::Guard guard_;
  std::shared_ptr<const conf::AccessTable> access_;
};

// Of the bans that rules make, as many as may be in any minute.
class BanBudget {
 public:
  // False: there have been `most` within the last minute. Else there is one more.
  bool take(std::size_t most, Instant now);

 private:
  std::deque<Instant> taken_;
};

}  // namespace mxwarden::policy
