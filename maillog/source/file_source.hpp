#pragma once
// A log file (maillog/source/file_follower.hpp), read as inotify says that there is something new: a quiet file costs
// nothing.
//
// Watched are the directory, for the names in it, the file that is read, and the one that has the log's name.
//
// Where the kernel has no more watches to give, it is looked at each second, and the log says so once.
//
// BUGS: where writes come from another host, as over NFS, inotify does not tell.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "maillog/source/executor.hpp"
#include "maillog/source/file_follower.hpp"
#include "maillog/source/source.hpp"

namespace mxwarden::maillog {

class FileSource final : public Source {
 public:
  // Goes on at the bookmark, if there is one.
  FileSource(boost::asio::io_context& context, const Clock& clock, LineTaker& taker, std::string path,
             std::optional<Bookmark> bookmark);

  Result<void> start() override;
  void go_on() override;
  void acknowledge(std::uint64_t position) override { follower_.acknowledge(position); }
  std::optional<Bookmark> bookmark() const override { return follower_.bookmark(); }
  void stop() override;

 private:
  FileFollower::Listener listener();
  Result<void> watch_directory();
  bool watch_files();
  void await_news();
  void look_again_soon();
  void read_soon();
  void read();

  boost::asio::io_context& context_;
  const Clock& clock_;
  LineTaker& taker_;
  std::string path_;
  std::optional<Bookmark> begin_at_;
  LineParser parser_;
  FileFollower follower_;
  Descriptor inotify_;
  boost::asio::steady_timer look_again_;  // where the kernel watches no more files for us
  bool is_blind_ = false;
  std::set<int> watches_;       // of files
  std::shared_ptr<int> alive_;  // handlers that are on their way look whether this is gone
  bool reading_ = false;
};

}  // namespace mxwarden::maillog
