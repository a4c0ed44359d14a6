#include "server/http.hpp"

#include <doctest/doctest.h>

#include "unit/server/wire.hpp"

namespace mxwarden::server {
namespace {

struct Rig {
  Wire connect() {
    auto [wire, socket] = connected_pair();
    server.open(std::move(socket));
    return std::move(wire);
  }
  void poll() {
    context.restart();
    context.poll();
  }
  std::string ask(std::string_view request) {
    auto wire = connect();
    wire.write(request);
    poll();
    return wire.read();
  }

  boost::asio::io_context context{1};
  std::string trouble;  // empty: none
  HttpServer server{context,
                    {.metrics = [] { return std::string("mxwarden_up 1\n"); },
                     .trouble = [this] { return trouble.empty() ? std::nullopt : std::optional(trouble); }}};
};

std::string status_of(const std::string& response) {
  return response.substr(0, response.find("\r\n"));
}

std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

}  // namespace

TEST_CASE("the two pages are served, nothing else is") {
  struct Row {
    const char* label;
    std::string request;
    const char* status;
    const char* body;
  };
  const Row rows[] = {
      {"metrics", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK", "mxwarden_up 1\n"},
      {"health", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK", "ok\n"},
      {"HEAD", "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK", ""},
      {"elsewhere", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found", "only /metrics and /healthz\n"},
      {"another method", "DELETE /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed", "only GET and HEAD\n"},
      {"no HTTP", "request=smtpd_access_policy\n\n", "HTTP/1.1 400 Bad Request", "bad request\n"},
      {"too large", "GET /metrics HTTP/1.1\r\nCookie: " + std::string(9000, 'x') + "\r\n\r\n",
       "HTTP/1.1 400 Bad Request", "bad request\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    Rig rig;
    const auto response = rig.ask(row.request);
    CHECK(status_of(response) == row.status);
    CHECK(body_of(response) == row.body);
  }
}

TEST_CASE("HEAD says how long the page would be") {
  Rig rig;
  CHECK(rig.ask("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n").find("Content-Length: 14\r\n") != std::string::npos);
}

TEST_CASE("a health check learns why all is not well") {
  Rig rig;
  rig.trouble = "draining";
  const auto response = rig.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status_of(response) == "HTTP/1.1 503 Service Unavailable");
  CHECK(body_of(response) == "draining\n");
}

TEST_CASE("a scraper may keep its connection") {
  Rig rig;
  auto scraper = rig.connect();
  for (int round = 0; round < 3; ++round) {
    scraper.write("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.poll();
    CHECK(body_of(scraper.read()) == "mxwarden_up 1\n");
  }
  scraper.write("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  rig.poll();
  CHECK(scraper.closed());
  CHECK(rig.server.size() == 0);
}

TEST_CASE("one connection too many is closed at once, those that are there are unharmed") {
  Rig rig;
  std::vector<Wire> open;
  for (std::size_t count = 0; count < HttpServer::most_connections; ++count) open.push_back(rig.connect());
  auto one_more = rig.connect();
  CHECK(one_more.closed());
  open[0].write("GET /healthz HTTP/1.0\r\n\r\n");
  rig.poll();
  CHECK(body_of(open[0].read()) == "ok\n");
  rig.server.close_all();
  rig.poll();
  CHECK(open[1].closed());
}

}  // namespace mxwarden::server
