#pragma once
// A guard against rules that hit those they are not meant for: clients with a good record ([client] good_record). A
// rule that refuses, or in monitor mode would refuse, more than a share of such clients that came within the last ten
// minutes, and five of them at least, is to spare them until it no longer would. A share of all clients would be
// exceeded just when there is an attack. And only those with a good record are spared: five strangers who have sent
// some harmless mail must not be able to turn a rule off for everybody.
//
// Who has a good record is known of those whose messages reach END-OF-MESSAGE; of a client that is refused and not
// known it has to be looked up: of each once in ten minutes, and of 100 a second at most, so that a flood of strangers
// costs no more.
//
// Pure: a machine of (what happened, now). Bounded: see policy/client_share.hpp.

#include <boost/unordered/unordered_flat_map.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "policy/client_share.hpp"

namespace mxwarden::policy {

class GoodRecordGuard {
 public:
  static constexpr Duration memory = ClientShare::memory;
  static constexpr std::size_t least_clients = 5;
  static constexpr std::size_t most_clients = ClientShare::most_clients;
  static constexpr std::size_t most_looks_a_second = 100;

  // It has a good record, and was here within ten minutes.
  bool knows(const std::string& client) const { return good_.knows(client); }
  // A client with a good record is here.
  void came(const std::string& client, Instant now) { good_.came(client, now); }
  // True: whether this client has a good record is not known and to be looked up; if it has, refused_good() is to be
  // told.
  bool refused(const std::string& client, std::string_view rule, Instant now);
  void refused_good(const std::string& client, std::string_view rule, Instant now) { good_.hit(client, rule, now); }

  // The rules that refuse more than `percent` of them.
  std::vector<ClientShare::Hit> over(int percent) const { return good_.over(percent); }

  // The rules are others now.
  void forget_refusals() { good_.forget_hits(); }

  // Forgets what is ten minutes old.
  void tick(Instant now);

 private:
  using Clients = boost::unordered_flat_map<std::string, Instant>;  // when they were last looked up

  ClientShare good_{least_clients};
  Clients looked_up_;
  Instant second_began_{};
  std::size_t looks_ = 0;  // in this second
};

}  // namespace mxwarden::policy
