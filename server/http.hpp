#pragma once
// The HTTP port: GET and HEAD of /metrics and /healthz, for a scraper and a health check. Bounded, as it may be open to
// a whole network: 64 connections, requests of 8 KiB, 10 seconds for each.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/file_descriptor.hpp"
#include "server/socket.hpp"

namespace mxwarden::server {

class HttpConnection;

class HttpServer {
 public:
  static constexpr std::size_t most_connections = 64;
  static constexpr std::size_t longest_request = 8192;
  static constexpr auto patience = std::chrono::seconds(10);

  struct Content {
    std::function<std::string()> metrics;
    // Nothing while all is well; else why not, for the 503.
    std::function<std::optional<std::string>()> trouble;
  };

  HttpServer(boost::asio::io_context& context, Content content) : context_(context), content_(std::move(content)) {}
  ~HttpServer();

  // One connection more than allowed is closed at once.
  void open(FileDescriptor socket);
  void close_all();
  std::size_t size() const { return open_.size(); }

 private:
  friend class HttpConnection;

  boost::asio::io_context& context_;
  Content content_;
  std::unordered_set<std::shared_ptr<HttpConnection>> open_;
};

}  // namespace mxwarden::server
