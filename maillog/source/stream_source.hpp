#pragma once
// Lines from a descriptor that cannot be read again: a FIFO, or standard input. A line's position is its number.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/file_descriptor.hpp"
#include "maillog/source/executor.hpp"
#include "maillog/source/line_splitter.hpp"
#include "maillog/source/source.hpp"

namespace mxwarden::maillog {

// Made with mode 0600 if it is missing. It never ends, as it is open for writing here, too.
Result<FileDescriptor> open_fifo(const std::string& path);
// As long as it is open: two that read a FIFO tear its lines apart. The error: another process has done this.
Result<void> lock_fifo(const FileDescriptor& fifo, const std::string& path);

class StreamSource final : public Source {
 public:
  StreamSource(boost::asio::io_context& context, const Clock& clock, LineTaker& taker, FileDescriptor stream);

  Result<void> start() override;
  void go_on() override;
  void acknowledge(std::uint64_t /*position*/) override {}
  void stop() override;

 private:
  void await();
  void read();

  boost::asio::io_context& context_;
  const Clock& clock_;
  LineTaker& taker_;
  LineParser parser_;
  LineSplitter splitter_;
  Descriptor stream_;
  std::string buffer_;
  std::uint64_t lines_ = 0;
  bool always_ready_ = false;  // a file: nothing can wait for it
  bool waits_ = false;
  bool ended_ = false;
  std::shared_ptr<int> alive_;  // handlers that are on their way look whether this is gone
};

}  // namespace mxwarden::maillog
