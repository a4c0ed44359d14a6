#pragma once
// mxwarden-maillog as a daemon: everything wired together, its signals and its one-second tick. One thread, one
// io_context.
//
// A source that can be read again (a file, the journal) is read on after a restart where all was done, so that each
// event arrives, and counts once (policy/mail_event.hpp says by what). Of the others what was not delivered when the
// process ends is lost.
//
// Signals: SIGHUP reloads what is recognised and the log's level; the rest takes a restart. SIGTERM and SIGINT: nothing
// more is read, what is on its way is waited for, for two seconds at most.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "conf/command_line.hpp"
#include "maillog/control_link.hpp"
#include "maillog/delivery.hpp"
#include "maillog/recognise/recogniser.hpp"
#include "maillog/source/executor.hpp"
#include "maillog/source/source.hpp"
#include "maillog/source/state_file.hpp"
#include "maillog/tally.hpp"

namespace mxwarden::maillog {

class Follower final : public LineTaker {
 public:
  // `configuration` was read from `source`, which a reload reads again. What is followed is `from`.
  Follower(conf::ConfigurationSource source, conf::Configuration configuration, conf::LogSource from);

  // Until a signal, or the end of standard input, ends it. Returns the exit status; what is wrong was logged.
  int run();

  void take(const LogLine* line, std::uint64_t position) override;
  void remember(const LogLine& line) override;
  void taken() override;
  bool full() const override { return delivery_->full(); }
  void keep_bookmark() override;
  void ended() override;

 private:
  static constexpr auto tick_interval = std::chrono::seconds(1);
  static constexpr auto keep_interval = std::chrono::milliseconds(100);
  static constexpr auto longest_end = std::chrono::seconds(2);
  static constexpr int ticks_a_summary = 600;

  Result<std::optional<Bookmark>> open_state();
  int open_stream();
  std::unique_ptr<Source> make_source(std::optional<Bookmark> bookmark);
  int open();
  void await_signal();
  void take_signal(int signal);
  void await_tick();
  void tick();
  void send();
  void answered(const Result<std::string>& answer);
  void progress();
  void keep_soon();
  Result<void> keep();
  void reload();
  void stop(int signal);
  void finish();
  std::string summary();

  boost::asio::io_context context_;
  SystemClock clock_;
  conf::ConfigurationSource source_of_settings_;
  conf::Configuration configuration_;
  conf::LogSource from_;
  Recogniser recogniser_;
  Tally tally_;
  std::optional<StateFile> state_;  // of a source that can be read again
  std::string source_id_;
  std::optional<Delivery> delivery_;
  FileDescriptor stream_;  // a FIFO or standard input, until the source has it
  std::unique_ptr<Source> source_;
  ControlLink link_;
  boost::asio::signal_set signals_;
  Timer tick_timer_;
  Timer retry_timer_;
  Timer keep_timer_;
  Timer end_timer_;
  log::RepeatedWarning not_kept_;
  std::uint64_t kept_position_ = 0;
  int ticks_ = 0;
  bool keeping_ = false;  // keep_timer_ runs
  bool ending_ = false;
  bool source_ended_ = false;
  bool finished_ = false;
};

}  // namespace mxwarden::maillog
