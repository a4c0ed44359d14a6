#pragma once
// Which connections each client has at this node. Postfix never says when a session ends; the kernel's table of
// connections, looked at now and then, does. Between two looks, those count besides that have asked and that the last
// look has not shown: of thirty connections within a moment each counts at once.
//
// A connection that was asked about and that a later look does not show is over. But behind a proxy, and after XCLIENT,
// the client is not who the connection is from, and no look ever shows it. So a session that was never shown and asks
// again after a look that lacked it, or asks at XCLIENT, stands in for its connection: it counts until the tracker says
// that it is over, Postfix closes its policy connection (which it does between sessions), or it was silent for five
// minutes.
//
// A client is an address cut as [client] ipv4_prefix and ipv6_prefix say. Pure: a machine of (look or request, now).
// Bounded: a client beyond `max_clients` is not known, nor is a connection of it.
// BUGS: a session without a client_port (XCLIENT without one) cannot be found in a look; it counts only if the look
// shows no connection of its client. Behind a proxy, a session that asks once and then says nothing counts until the
// next look only, and one that is over counts for half a minute if its smtpd keeps its policy connection and serves
// nobody else meanwhile.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "policy/request.hpp"
#include "policy/tracker.hpp"

namespace mxwarden::policy {

// Counts the connections of clients for the rules. The daemon's goes by the kernel's table, a test's says what it
// likes.
class ConnectionCounter {
 public:
  virtual ~ConnectionCounter() = default;
  // Is told of every request. How many connections the request's client has at this node, this one included; 0: it has
  // no address. `limit`: what its number on all nodes is held against; where it may lead to a refusal it is to be no
  // older than a moment. 0: nothing is decided by it.
  virtual std::uint32_t count(const Request& request, const View& view, std::uint64_t limit, Instant now) = 0;
  // What count() would tell, with a view of Tracker::preview(); of the request nothing is noted.
  virtual std::uint32_t preview(const Request& request, const View& view, Instant now) = 0;
  // The policy connection by which this was asked has been closed by Postfix.
  virtual void closed(const View& view) = 0;
};

class Connections {
 public:
  struct Options {
    int ipv4_prefix = 32;
    int ipv6_prefix = 64;
    bool shared = false;  // other nodes want to know the numbers: see unsaid()
    std::size_t max_clients = 100'000;
    std::uint64_t seed = 0;  // of the hashes: random in a daemon, so that nobody can choose addresses that collide
  };

  explicit Connections(const Options& options);
  ~Connections();
  // Forgets all, to begin anew with other prefixes.
  void reset(int ipv4_prefix, int ipv6_prefix);

  // What the kernel's table shows, all of it; read at `begun` or after. A look that failed is none.
  void look(std::span<const TcpConnection> connections, Instant begun);
  // How many connections the request's client has, this one included; 0: it has no address. With looks that fail for
  // seconds nobody knows, and this one is all there is: nobody is refused for what may be long over. `decisive`: the
  // number will be said to the other nodes.
  std::uint32_t ask(const Request& request, const View& view, bool decisive, Instant now);
  // What ask() would tell, where the view says that no session has ended; nothing changes.
  std::uint32_t preview(const Request& request, const View& view, Instant now) const;
  // The policy connection by which this was asked has been closed by Postfix.
  void closed(const View& view);

  // A client, its address cut, and how many connections it has.
  struct Number {
    Address client;
    std::uint32_t connections = 0;
  };
  // What the other nodes do not know: numbers that have changed since they were last said, by a decisive request or as
  // told here, and after four seconds those that have not changed; 0 for a client that is gone. At most so many, the
  // others at the next call; nothing while looks fail for seconds.
  void unsaid(Instant now, std::size_t most, std::vector<Number>& numbers);
  // These were said at `now`, as unsaid() gave them.
  void said(std::span<const Number> numbers, Instant now);

  // Other nodes have numbers of their own.
  bool shared() const;
  std::size_t connections() const;
  std::size_t clients() const;  // with connections

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::policy
