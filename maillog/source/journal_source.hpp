#pragma once
// systemd's journal, as journalctl(1) follows it: what programs say to the syslog facilities mail and, as Cyrus does,
// local6. journalctl runs as a child, and is started again when it ends; what it says to its standard error goes to
// ours.
//
// An entry's position is its number among those that were ever read; the bookmark has the cursor of it, after which
// reading goes on. Without one it begins with what comes after this was made.
//
// BUGS: what was before the bookmark is not remembered, so that a session that a restart cuts in two is not known
// whole.

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "maillog/source/executor.hpp"
#include "maillog/source/line_splitter.hpp"
#include "maillog/source/source.hpp"
#include "store/back_off.hpp"

namespace mxwarden::maillog {

class JournalSource final : public Source {
 public:
  // `command`: journalctl, and what is to stand before our own arguments.
  JournalSource(boost::asio::io_context& context, const Clock& clock, LineTaker& taker,
                std::vector<std::string> command, std::optional<Bookmark> bookmark, std::uint64_t seed);
  ~JournalSource() override;

  Result<void> start() override;
  void go_on() override;
  void acknowledge(std::uint64_t position) override;
  std::optional<Bookmark> bookmark() const override;
  void stop() override;

 private:
  static constexpr std::size_t most_unacknowledged = 5000;

  struct Place {
    std::uint64_t position = 0;
    std::string cursor;
  };

  std::vector<std::string> arguments() const;
  Result<void> spawn();
  bool full() const { return taker_.full() || unacknowledged_.size() >= most_unacknowledged; }
  void await();
  void read();
  void take(std::optional<std::string_view> text);
  void child_ended();
  void end_child();

  const Clock& clock_;
  LineTaker& taker_;
  std::vector<std::string> command_;
  LineSplitter splitter_;
  Descriptor pipe_;
  Timer timer_;
  std::string buffer_;
  int child_ = -1;
  Place acknowledged_;
  std::deque<Place> unacknowledged_;
  std::uint64_t position_ = 0;  // of the entry that was read last
  store::BackOff back_off_;
  log::RepeatedWarning ended_;
  bool waits_ = false;
  bool stopped_ = false;
  std::shared_ptr<int> alive_;  // handlers that are on their way look whether this is gone
};

}  // namespace mxwarden::maillog
