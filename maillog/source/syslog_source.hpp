#pragma once
// A syslog socket (unix datagrams), for a syslog daemon or for programs to write to. A datagram's position is its
// number. Anybody may write to it, as to /dev/log: [maillog] recognise is to name only what does run.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "maillog/source/executor.hpp"
#include "maillog/source/source.hpp"

namespace mxwarden::maillog {

class SyslogSource final : public Source {
 public:
  // A socket that nobody listens at any more is replaced at `path`.
  SyslogSource(boost::asio::io_context& context, const Clock& clock, LineTaker& taker, std::string path);

  Result<void> start() override;
  void go_on() override;
  void acknowledge(std::uint64_t /*position*/) override {}
  void stop() override;

 private:
  void await();
  void read();

  const Clock& clock_;
  LineTaker& taker_;
  std::string path_;
  LineParser parser_;
  Descriptor socket_;
  std::string buffer_;
  std::uint64_t datagrams_ = 0;
  bool bound_ = false;
  bool waits_ = false;
  std::shared_ptr<int> alive_;  // handlers that are on their way look whether this is gone
};

}  // namespace mxwarden::maillog
