#pragma once
// Looks at the kernel's TCP table twice a second, and again before a number of connections may lead to a refusal, so
// that it is no older than 50 ms: one above the limit, or, where other nodes have some too, any above one. Which ports
// are looked at follows from what Postfix asks: those it named (server_port); until it named one, 25, 465 and 587.
//
// A look that fails changes nothing; it is counted, and warned of. One thread.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "policy/connections.hpp"
#include "server/socket.hpp"
#include "server/tcp_table.hpp"

namespace mxwarden::server {

class ConnectionWatch final : public policy::ConnectionCounter {
 public:
  static constexpr Duration look_interval = std::chrono::milliseconds(500);
  static constexpr Duration longest_trusted = std::chrono::milliseconds(50);

  struct Statistics {
    std::uint64_t looks = 0;
    std::uint64_t failed = 0;
  };

  // All must outlive it. `looked` is called after each look of the timer, whether it failed or not.
  ConnectionWatch(boost::asio::io_context& context, const Clock& clock, TcpTable& table,
                  policy::Connections& connections, std::function<void(Instant)> looked);

  void start();
  void stop();

  std::uint32_t count(const policy::Request& request, const policy::View& view, std::uint64_t limit,
                      Instant now) override;
  // With a fresh look, of the ports that Postfix has named.
  std::uint32_t preview(const policy::Request& request, const policy::View& view, Instant now) override;
  void closed(const policy::View& view) override { connections_.closed(view); }

  const Statistics& statistics() const { return statistics_; }

 private:
  void await_look();
  void look(Instant now);
  bool is_new_port(const policy::Request& request);

  const Clock& clock_;
  TcpTable& table_;
  policy::Connections& connections_;
  std::function<void(Instant)> looked_;
  Timer timer_;
  bool running_ = false;
  std::vector<std::uint16_t> ports_;
  bool ports_named_ = false;
  Instant tried_at_{};
  std::vector<policy::TcpConnection> table_now_;  // kept for its memory
  Statistics statistics_;
  log::RepeatedWarning failed_;
};

}  // namespace mxwarden::server
