#pragma once
// mxwardend: everything wired together, its signals and its one-second tick. One thread, one io_context.
//
// Signals: SIGHUP reloads settings and access table, as a whole or not at all; counters are kept. SIGTERM and SIGINT
// drain: nothing new is accepted, what was asked is answered, for five seconds at most. A second one ends at once.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "conf/command_line.hpp"
#include "policy/event_effects.hpp"
#include "policy/pipeline.hpp"
#include "policy/recipient_watch.hpp"
#include "server/activation.hpp"
#include "server/client_sockets.hpp"
#include "server/connection_publisher.hpp"
#include "server/connection_watch.hpp"
#include "server/control_operations.hpp"
#include "server/control_server.hpp"
#include "server/decision_feed.hpp"
#include "server/http.hpp"
#include "server/listener.hpp"
#include "server/recorder.hpp"
#include "server/sessions.hpp"
#include "server/socket.hpp"
#include "server/store_stack.hpp"
#include "server/tops.hpp"

namespace mxwarden::server {

class Daemon {
 public:
  // `configuration` was read from `source`, which a reload reads again.
  Daemon(conf::ConfigurationSource source, conf::Configuration configuration);

  // Opens the listeners; from now on connections are not refused. The error names the address, why, and a remedy. That
  // the control socket cannot be opened is only a warning: mail goes first.
  Result<void> open();
  // Serves until a signal ends it.
  void run();

 private:
  static constexpr auto tick_interval = std::chrono::seconds(1);
  static constexpr auto longest_drain = std::chrono::seconds(5);
  static constexpr int ticks_a_summary = 600;
  static constexpr int ticks_between_own_addresses = 10;

  void adopt_sessions();
  void configure_guards();
  void watch_own_addresses();
  void watch_connections();
  void serve(NamedListener listener);
  void serve_http(NamedListener listener);
  void serve_control();
  void await_signal();
  void take_signal(int signal);
  void await_tick();
  void tick();
  // Says in the log how it went; what is returned, warnings or every fault, is for who asked for it at the control
  // socket.
  Result<std::vector<std::string>> reload();
  void drain();
  void finish();
  Gauges gauges() const;
  ControlStatus control_status() const;
  const ControlUsers& control_users();
  void take_events(policy::EventBatch batch, const ControlOperations::LogLines& lines, policy::EventEffects::Done done);

  boost::asio::io_context context_;
  SystemClock clock_;
  conf::ConfigurationSource source_;
  conf::Configuration configuration_;
  StoreStack store_;
  policy::Tracker tracker_;
  KernelTcpTable tcp_table_;
  KernelClientSockets client_sockets_{clock_, tcp_table_};
  policy::Connections connections_;
  std::optional<ConnectionPublisher> publisher_;  // where other nodes want to know
  ConnectionWatch watch_;
  policy::Offences offences_;
  policy::GoodRecords good_records_;
  policy::RecipientWatch recipients_;
  policy::Pipeline pipeline_;
  DecisionFeed decisions_{clock_};
  Tops tops_;
  LastFirewallReport firewall_;
  Recorder recorder_;
  policy::EventEffects events_;
  ControlUsers control_users_;  // those that were found
  Sessions sessions_;
  HttpServer http_;
  ControlOperations control_operations_;
  ControlServer control_;
  std::list<Listener> listeners_;
  std::optional<Listener> http_listener_;
  std::optional<Listener> control_listener_;
  boost::asio::signal_set signals_;
  Timer tick_timer_;
  Timer drain_timer_;
  int ticks_ = 0;
  bool draining_ = false;
  bool finished_ = false;
  Instant started_at_;
  double started_;  // seconds since 1970
};

}  // namespace mxwarden::server
