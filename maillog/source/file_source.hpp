#pragma once
// A log file (maillog/source/file_follower.hpp), read as inotify says that there is something new: a quiet file costs
// nothing.
//
// Watched are the directory, for the names in it, the file that is read, and the one that has the log's name.
//
// BUGS: where writes come from another host, as over NFS, inotify does not tell.

#include <boost/asio/io_context.hpp>
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
  std::set<int> watches_;       // of files
  std::shared_ptr<int> alive_;  // handlers that are on their way look whether this is gone
  bool reading_ = false;
};

}  // namespace mxwarden::maillog
