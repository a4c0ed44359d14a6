#pragma once
// Who is the worst here, of the last hour up to the last day: counted after each decision, in bounded memory.
//
//   rejected  clients by requests of theirs that we have refused. A client that is refused at RCPT and goes on with
//             fifty recipients has fifty. What is put off since the store does not answer (rule `store`) is not the
//             client's doing and not counted; what a rule in monitor mode would have refused was not refused.
//   banned    of these, those refused by a ban: the rules `ban` and `operator_ban`
//   network   as rejected, by networks: IPv4 /24, IPv6 /64; where clients are wider than that, by clients
//   rate      clients by SMTP sessions that are new (policy/tracker.hpp), refused or not, trusted clients too
//   bad-recipients  clients by recipients of theirs that do not exist, as the mail log tells
//   login     login names by recipients that they have asked for: RCPT, each once in its message however many
//             restriction lists ask; one that is refused, each time
//
// Clients are told apart as they are counted: by [client] ipv4_prefix and ipv6_prefix. A client whose address is
// unknown is not counted. An entry knows the last rule that has refused it within the slice, and when it was counted
// last.
//
// Time is in slices of an hour, from the start on: the running one is a summary of 2,000 keys
// (policy/space_saving.hpp), and when it is over its entries stay for 24 more. An answer is merged of the running one
// and as many as it takes to cover what was asked for, so it covers an hour more at most, and says how long it covers.
//
// Memory: what was ever needed, and 23 MB at most: 6 summaries of 2,000 keys, 1.4 MB; 24 times their entries, of 48
// bytes for an address and 88 for a login, 15.7 MB; and of each category the worst 10,000 of the slices that are over,
// 4.2 MB, so that only the first answer after a slice has to look at all of them. While an answer is made, 10 MB more.
// Nothing of it outlives a restart.
//
// Threads: one. BUGS: login names are told apart by their first 63 bytes. A reload with other prefixes leaves what was
// counted by the old ones.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "policy/decision.hpp"
#include "policy/request.hpp"
#include "policy/top_list.hpp"
#include "policy/tracker.hpp"

namespace mxwarden::policy {

enum class TopBy : std::uint8_t { rejected, rate, login, banned, network, bad_recipients };

inline constexpr std::array<std::string_view, 6> top_by_names{"rejected", "rate",    "login",
                                                              "banned",   "network", "bad-recipients"};

std::string_view to_string(TopBy by);
std::optional<TopBy> parse_top_by(std::string_view name);

class TopCounts {
 public:
  static constexpr std::size_t keys = 2'000;  // of a summary
  static constexpr std::size_t slices = 24;   // that are over
  static constexpr Duration slice = std::chrono::hours(1);
  static constexpr Duration longest = slice * slices;

  struct Options {
    int ipv4_prefix = 32;
    int ipv6_prefix = 64;
    std::uint64_t seed = 0;  // of the hashes: random in a daemon
  };

  // Counting begins now.
  TopCounts(const Options& options, Instant now);
  ~TopCounts();
  // A reload.
  void set_prefixes(int ipv4_prefix, int ipv6_prefix);

  // Once for each decision. Most are of no interest.
  void decided(const Request& request, const View& view, const Decision& decision, Instant now) {
    if (view.new_session || view.new_recipient || decision.verdict) count(request, view, decision, now);
  }

  // A recipient that this client has tried does not exist.
  void guessed(const Address& client, Instant now);

  // The worst of the time from `since` ago until now; 0 < since <= longest. Of slices that are over, 10,000 at most.
  // `wall_now` is the same moment as `now`.
  TopList list(TopBy by, Duration since, std::size_t most, Instant now, WallTime wall_now);

 private:
  struct State;

  void count(const Request& request, const View& view, const Decision& decision, Instant now);

  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::policy
