#include "server/http.hpp"

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace mxwarden::server {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Socket socket, HttpServer& server) : stream_(std::move(socket)), server_(&server) {}

  void read();
  // The server forgets it, or is no more.
  void close();

 private:
  using Response = http::response<http::string_body>;

  void answer(const error_code& error);
  Response respond(const http::request<http::empty_body>& request) const;
  void write();

  beast::basic_stream<boost::asio::generic::stream_protocol, Executor> stream_;
  HttpServer* server_;
  beast::flat_buffer buffer_{HttpServer::longest_request};
  std::optional<http::request_parser<http::empty_body>> parser_;
  Response response_;
  bool head_ = false;
};

void HttpConnection::read() {
  parser_.emplace();
  parser_->header_limit(HttpServer::longest_request);
  stream_.expires_after(HttpServer::patience);
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](const error_code& error, std::size_t) { self->answer(error); });
}

void HttpConnection::answer(const error_code& error) {
  if (server_ == nullptr) return;
  const auto from_client = error && error.category() == http::make_error_code(http::error::end_of_stream).category();
  if (error == http::error::end_of_stream || (error && !from_client)) {
    close();
    return;
  }
  if (error) {
    response_ = Response(http::status::bad_request, 11);
    response_.body() = "bad request\n";
    response_.keep_alive(false);
    head_ = false;
  } else {
    const auto& request = parser_->get();
    response_ = respond(request);
    response_.keep_alive(request.keep_alive());
    head_ = request.method() == http::verb::head;
  }
  write();
}

HttpConnection::Response HttpConnection::respond(const http::request<http::empty_body>& request) const {
  Response response(http::status::ok, request.version());
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  const auto target = request.target();
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "GET, HEAD");
    response.body() = "only GET and HEAD\n";
  } else if (target == "/metrics") {
    response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    response.body() = server_->content_.metrics();
  } else if (target == "/healthz") {
    const auto trouble = server_->content_.trouble();
    if (trouble) response.result(http::status::service_unavailable);
    response.body() = trouble ? *trouble + "\n" : "ok\n";
  } else {
    response.result(http::status::not_found);
    response.body() = "only /metrics and /healthz\n";
  }
  return response;
}

void HttpConnection::write() {
  response_.prepare_payload();
  // HEAD: the length of what GET would bring, and nothing of it.
  if (head_) response_.body().clear();
  http::async_write(stream_, response_, [self = shared_from_this()](const error_code& error, std::size_t) {
    if (self->server_ == nullptr) return;
    if (error || !self->response_.keep_alive()) {
      self->close();
    } else {
      self->read();
    }
  });
}

void HttpConnection::close() {
  if (server_ == nullptr) return;
  const auto self = shared_from_this();
  auto* server = std::exchange(server_, nullptr);
  error_code ignored;
  stream_.socket().shutdown(boost::asio::socket_base::shutdown_send, ignored);
  stream_.close();
  server->open_.erase(self);
}

HttpServer::~HttpServer() {
  close_all();
}

void HttpServer::open(FileDescriptor socket) {
  if (open_.size() >= most_connections) return;
  Socket stream(context_);
  stream.assign({AF_UNSPEC, 0}, socket.get());
  socket.release();
  const auto connection = std::make_shared<HttpConnection>(std::move(stream), *this);
  open_.insert(connection);
  connection->read();
}

void HttpServer::close_all() {
  while (!open_.empty()) {
    const auto connection = *open_.begin();
    connection->close();
  }
}

}  // namespace mxwarden::server
