#pragma once
// mxwarden-firewall as a daemon: everything wired together. One thread, which waits in one place (poll(2)): for
// mxwardend, for signals, for addresses of this host that come and go, for the time.
//
// While mxwardend is away it is looked for ten times a second, and the kernel keeps what it has: bans end there by
// themselves. One that has said nothing for three heartbeats is taken for gone.
//
// In mode monitor or off a table that another mode has made is removed, which is tried until it is done.
//
// Signals: SIGHUP reloads all settings but the table's name and the control socket. SIGTERM and SIGINT end it at once;
// the bans stay in the kernel.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "conf/command_line.hpp"
#include "firewall/control_socket.hpp"
#include "firewall/interfaces.hpp"
#include "firewall/kernel.hpp"
#include "firewall/synchroniser.hpp"

namespace mxwarden::firewall {

class Worker {
 public:
  // `configuration` was read from `source`, which a reload reads again. Made while there is no other thread: the
  // signals are blocked in those that come.
  Worker(conf::ConfigurationSource source, conf::Configuration configuration);

  // Until a signal ends it. Returns the exit status; what is wrong was logged.
  int run();

 private:
  static constexpr auto reconnect_interval = std::chrono::milliseconds(100);
  static constexpr auto longest_reconnect = std::chrono::seconds(5);
  static constexpr auto longest_silence = std::chrono::seconds(16);
  static constexpr auto report_interval = std::chrono::seconds(5);
  static constexpr auto remove_interval = std::chrono::seconds(5);
  static constexpr auto longest_wait = std::chrono::seconds(1);

  int open();
  Result<void> begin();
  void wait();
  void take_signal();
  void reload();
  void connect(Instant now);
  void read(Instant now);
  Result<void> take(std::string_view line, Instant now);
  void disconnect(std::string_view why, Instant now);
  void follow_anew();
  void report(Instant now);
  void remove_leftover(Instant now);
  void notice_suspension(Instant now);
  Duration until_next(Instant now) const;
  const conf::Settings& settings() const { return configuration_.settings; }

  BootClock clock_;
  SystemClock steady_clock_;
  conf::ConfigurationSource source_;
  conf::Configuration configuration_;
  FileDescriptor signals_;
  std::optional<Interfaces> interfaces_;
  std::unique_ptr<Kernel> kernel_;
  std::optional<Synchroniser> synchroniser_;  // none: [firewall] mode is off
  std::unique_ptr<Kernel> leftover_;          // has a table of another mode, which could not be removed yet
  std::optional<ControlSocket> control_;
  Instant reconnect_at_{};
  Duration reconnect_after_ = reconnect_interval;
  Instant heard_at_{};
  Instant report_at_{};
  Instant remove_at_{};
  Duration suspended_{};         // how long the machine was, in all
  std::string away_because_;     // the last of it that was logged
  std::string refused_because_;  // our report; likewise
  std::string stays_because_;    // the leftover; likewise
  bool ended_ = false;
};

// --flush: the table is gone. Returns the exit status.
int flush(const conf::Settings& settings, std::ostream& out, std::ostream& err);

}  // namespace mxwarden::firewall
