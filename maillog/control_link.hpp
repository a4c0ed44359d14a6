#pragma once
// mxwardend's control socket from the other end: a line there, a line back, one at a time.
//
// It is connected to when there is something to say. mxwardend ends a connection that was silent for long: a request
// that meets such an end is sent again once, over a new connection, before it counts as lost. So a request may arrive
// twice.
//
// Threads: one. Its handlers hold what they need: it may end at any time, and calls nobody after its end.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace mxwarden::maillog {

class ControlLink {
 public:
  // The error is a sentence: why there is no answer.
  using Answered = std::function<void(Result<std::string> answer)>;

  // `patience`: with an answer.
  ControlLink(boost::asio::io_context& context, std::string path, Duration patience = std::chrono::seconds(10));
  ~ControlLink();

  // Without line feeds. Not while another is asked. `answered` is called later, once, unless close() comes first.
  void ask(std::string request, Answered answered);
  void close();

 private:
  class Connection;

  std::shared_ptr<Connection> connection_;
};

}  // namespace mxwarden::maillog
