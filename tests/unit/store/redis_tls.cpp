#include "store/redis_tls.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/redis_socket.hpp"
#include "store/sentinel_watch.hpp"
#include "support/certificates.hpp"
#include "support/connected_store.hpp"
#include "support/redis_server.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using store::RedisTls;
using tests::Authority;
using tests::ConnectedStore;
using tests::hit;
using tests::RedisServer;

store::RedisServerAddress at_port(std::uint16_t port) {
  return {store::SocketAddress{*Address::parse("127.0.0.1"), port}, "test"};
}

std::shared_ptr<RedisTls> tls_with(const RedisTls::Options& options) {
  const auto made = RedisTls::make(options);
  REQUIRE(made.has_value());
  return *made;
}

std::shared_ptr<RedisTls> trusting(const Authority& authority) {
  return tls_with({.authorities = authority.pem(), .certificate = {}, .key = {}, .name = {}});
}

std::string fault_of(const RedisTls::Options& options) {
  const auto made = RedisTls::make(options);
  return made ? std::string() : made.error().message;
}

// Connects once, asks PING once it may, and keeps how that ended.
class Attempt final : private store::RedisSocket::Owner {
 public:
  Attempt(std::shared_ptr<RedisTls> tls, std::uint16_t port) : socket_(context_, *this, std::move(tls)) {
    socket_.open(at_port(port));
  }

  // What Redis has answered, or why there is no connection; `meanwhile` is called again and again.
  template <class Meanwhile>
  std::string outcome(Meanwhile meanwhile) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!outcome_ && std::chrono::steady_clock::now() < end) {
      context_.restart();
      context_.run_one_for(10ms);
      meanwhile();
    }
    return outcome_.value_or("nothing");
  }
  std::string outcome() {
    return outcome([] {});
  }

 private:
  void connected() override {
    store::append_command(socket_.outgoing(), {"PING"});
    socket_.send();
  }
  void received(const store::RedisReply& reply) override { outcome_ = reply.text(); }
  void lost(std::string_view why) override {
    outcome_ = why;
    socket_.close();
  }
  void turn_ends() override {}

  boost::asio::io_context context_{1};
  store::RedisSocket socket_;
  std::optional<std::string> outcome_;
};

// Says one thing to whoever connects, and waits or says that this was all.
class Stranger {
 public:
  Stranger(std::string_view says, bool closes) : acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}) {
    acceptor_.async_accept([this, says, closes](const boost::system::error_code& error, tcp::socket socket) {
      REQUIRE_FALSE(error);
      connection_ = std::move(socket);
      boost::asio::write(*connection_, boost::asio::buffer(says));
      if (closes) connection_->shutdown(tcp::socket::shutdown_send);
    });
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void poll() { context_.poll(); }

 private:
  boost::asio::io_context context_{1};
  tcp::acceptor acceptor_;
  std::optional<tcp::socket> connection_;
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("a server is believed when its certificate is valid, from an authority that is trusted, and its own") {
  Authority authority;
  const Authority stranger;
  const auto good = authority.sign("IP:127.0.0.1,IP:::1,DNS:redis.example.org,DNS:*.cluster.example.org");
  const auto expired = authority.sign("IP:127.0.0.1", -1);
  const auto elsewhere = authority.sign("IP:192.0.2.1,DNS:127.0.0.1");
  struct Row {
    std::string_view label;
    const Authority::Certificate& shown;
    RedisTls::File trusted;
    std::string name;
    std::string_view outcome;
  };
  const std::vector<Row> rows = {
      {"its address", good, authority.pem(), "", "PONG"},
      {"the name of a host", good, authority.pem(), "redis.example.org", "PONG"},
      {"a name under a wildcard", good, authority.pem(), "a.cluster.example.org", "PONG"},
      {"an address other than that connected to", good, authority.pem(), "::1", "PONG"},
      {"another name", good, authority.pem(), "other.example.org",
       "certificate verify failed: hostname mismatch; it is not for other.example.org, the tls_name"},
      {"the end of its name", good, authority.pem(), "example.org", "certificate verify failed: hostname mismatch"},
      {"another address", elsewhere, authority.pem(), "",
       "certificate verify failed: IP address mismatch; give the server one for its address, or write the name that it "
       "is for in tls_name"},
      {"an end in the past", expired, authority.pem(), "",
       "certificate verify failed: certificate has expired; renew it on the server"},
      {"an authority that nobody trusts",
       good,
       {},
       "",
       "certificate verify failed: self-signed certificate in certificate chain; name its CA in tls_ca_file"},
      {"another authority than the one that is trusted", good, stranger.pem(), "", "certificate verify failed: "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    const auto port = tests::free_port();
    const RedisServer server(authority.server(row.shown, port, "no"));
    const auto tls = tls_with({.authorities = row.trusted, .certificate = {}, .key = {}, .name = row.name});
    const auto outcome = Attempt(tls, port).outcome();
    CAPTURE(outcome);
    CHECK(outcome.starts_with(row.outcome));
    CHECK((row.outcome == "PONG") == (outcome == "PONG"));
    if (row.label == "another authority than the one that is trusted") CHECK(contains(outcome, stranger.path()));
  }
}

TEST_CASE("a server that wants a certificate of this node gets it, and says so when there is none or another") {
  Authority authority;
  Authority stranger;
  const auto shown = authority.sign("IP:127.0.0.1");
  const auto ours = authority.sign("DNS:mx1.example.org");
  const auto foreign = stranger.sign("DNS:mx1.example.org");
  struct Row {
    std::string_view label;
    std::string_view protocols;
    const Authority::Certificate* ours;
    std::string_view outcome;
  };
  for (const auto& row :
       {Row{"none, TLS 1.3", "TLSv1.3", nullptr, "the server asks for a certificate of this node"},
        Row{"none, TLS 1.2", "TLSv1.2", nullptr, "the server refuses the handshake"},
        Row{"ours, TLS 1.3", "TLSv1.3", &ours, "PONG"}, Row{"ours, TLS 1.2", "TLSv1.2", &ours, "PONG"},
        Row{"foreign", "TLSv1.3", &foreign, "the server refuses the certificate in tls_cert_file"}}) {
    CAPTURE(row.label);
    const auto port = tests::free_port();
    auto settings = authority.server(shown, port, "yes");
    settings.push_back(fmt::format("tls-protocols {}", row.protocols));
    const RedisServer server(settings);
    RedisTls::Options options{.authorities = authority.pem(), .certificate = {}, .key = {}, .name = {}};
    if (row.ours != nullptr) {
      options.certificate = tests::read_pem(row.ours->path);
      options.key = tests::read_pem(row.ours->key_path);
    }
    const auto outcome = Attempt(tls_with(options), port).outcome();
    CAPTURE(outcome);
    CHECK(outcome.starts_with(row.outcome));
  }
}

TEST_CASE("a server that speaks plain text, or ends the connection, is no server") {
  const Authority authority;
  Stranger plain("-ERR unknown command\r\n", false);
  CHECK(contains(Attempt(trusting(authority), plain.port()).outcome([&] { plain.poll(); }),
                 "the server does not speak TLS: name its `tls-port`"));
  Stranger closing("", true);
  CHECK(Attempt(trusting(authority), closing.port()).outcome([&] { closing.poll(); }) == "the connection was closed");
}

TEST_CASE("files that hold something else are named") {
  Authority authority;
  const auto ours = authority.sign("DNS:mx1.example.org");
  const auto other = authority.sign("DNS:mx2.example.org");
  const auto text = tests::read_pem(authority.file("text", "not PEM\n"));
  const auto certificate = tests::read_pem(ours.path);
  const auto key = tests::read_pem(ours.key_path);
  const auto fault = [&](const RedisTls::File& trusted, const RedisTls::File& shown, const RedisTls::File& with) {
    return fault_of({.authorities = trusted, .certificate = shown, .key = with, .name = {}});
  };
  CHECK(fault({}, {}, {}).empty());
  CHECK(fault(authority.pem(), certificate, key).empty());
  CHECK(fault(text, {}, {}) == text.path + ": holds no certificate in PEM");
  CHECK(fault(key, {}, {}) == key.path + ": holds no certificate in PEM");
  CHECK(fault({}, text, key).starts_with(text.path + ": holds no certificate in PEM"));
  CHECK(fault({}, certificate, text).starts_with(text.path + ": holds no key in PEM without a pass phrase"));
  CHECK(fault({}, certificate, tests::read_pem(other.key_path)) ==
        other.key_path + ": is not the key of " + certificate.path);
}

TEST_CASE("a key with a pass phrase is refused without asking for it") {
  Authority authority;
  const auto ours = authority.sign("DNS:mx1.example.org");
  const auto locked = ours.key_path + ".locked";
  const auto command =
      fmt::format("openssl ec -in {} -aes128 -passout pass:secret -out {} 2>/dev/null", ours.key_path, locked);
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(fault_of(
            {.authorities = {}, .certificate = tests::read_pem(ours.path), .key = tests::read_pem(locked), .name = {}})
            .starts_with(locked + ": holds no key in PEM without a pass phrase"));
}

namespace {

ConnectedStore::MakeLocator at(std::uint16_t port) {
  return [port](auto&, const auto&) { return std::make_unique<store::FixedRedisLocator>(at_port(port)); };
}

store::RedisStore::Options over(std::shared_ptr<RedisTls> tls, Duration deadline) {
  store::RedisStore::Options options;
  options.deadline = deadline;
  options.time_of_batch = true;
  options.tls = std::move(tls);
  return options;
}

}  // namespace

TEST_CASE("a server that takes the connection and says nothing is given up at the deadline, and tried again") {
  const Authority authority;
  boost::asio::io_context aside;
  const tcp::acceptor silent(aside, {boost::asio::ip::address_v4::loopback(), 0});
  ConnectedStore connected(at(silent.local_endpoint().port()), over(trusting(authority), 50ms));
  CHECK(connected.ask(hit("client:192.0.2.1")).empty());
  CHECK(connected.run_until([&] { return connected.redis.statistics().connections == 3; }));
  CHECK_FALSE(connected.redis.statistics().up);
}

TEST_CASE("over TLS a server that falls silent costs one deadline, and its connection is not used again") {
  Authority authority;
  const auto port = tests::free_port();
  RedisServer server(authority.server(authority.sign("IP:127.0.0.1"), port, "no"));
  ConnectedStore connected(at(port), over(trusting(authority), 500ms));
  REQUIRE(connected.wait_until_up());
  const auto batch = hit("client:192.0.2.1");
  CHECK(connected.ask(batch)[0].count == 1);
  server.suspend();
  CHECK(connected.ask(batch).empty());
  CHECK_FALSE(connected.redis.statistics().up);
  server.resume();
  REQUIRE(connected.wait_until_up());
  CHECK(connected.ask(batch)[0].count == 3);
}

TEST_CASE("over TLS a sentinel says where the master is, and both are to be the right ones") {
  Authority authority;
  const auto shown = authority.sign("IP:127.0.0.1");
  const auto port = tests::free_port();
  const RedisServer server(authority.server(shown, port, "no"));
  const auto sentinel_port = tests::free_port();
  auto settings = authority.server(shown, sentinel_port, "no");
  settings.insert(settings.end(),
                  {"tls-replication yes", fmt::format("sentinel monitor mymaster 127.0.0.1 {} 1", port)});
  const RedisServer sentinel(settings, RedisServer::Kind::sentinel);
  const auto watching = [&](const std::shared_ptr<RedisTls>& tls, store::SentinelWatch*& watch) {
    return [&watch, tls, address = store::SocketAddress{*Address::parse("127.0.0.1"), sentinel_port}](
               auto& context, const auto& clock) {
      auto made = std::make_unique<store::SentinelWatch>(
          context, clock,
          store::SentinelWatch::Options{.sentinels = {address}, .master = "mymaster", .tls = tls, .seed = 0});
      watch = made.get();
      return made;
    };
  };
  store::SentinelWatch* watch = nullptr;
  {
    const auto tls = trusting(authority);
    ConnectedStore connected(watching(tls, watch), over(tls, 5s));
    REQUIRE(connected.wait_until_up());
    CHECK(connected.ask(hit("client:192.0.2.1"))[0].count == 1);
  }
  const auto tls =
      tls_with({.authorities = authority.pem(), .certificate = {}, .key = {}, .name = "other.example.org"});
  ConnectedStore connected(watching(tls, watch), over(tls, 5s));
  CHECK(connected.run_until([&] { return !watch->troubles()[0].empty(); }));
  CHECK(watch->troubles()[0].starts_with("certificate verify failed: hostname mismatch"));
  CHECK(connected.redis.statistics().connections == 0);
}

TEST_CASE("much at a time arrives whole over TLS") {
  Authority authority;
  const auto port = tests::free_port();
  const RedisServer server(authority.server(authority.sign("IP:127.0.0.1"), port, "no"));
  ConnectedStore connected(at(port), over(trusting(authority), 5s));
  REQUIRE(connected.wait_until_up());
  std::vector<store::Batch> batches;
  for (int i = 0; i < 5000; ++i) batches.push_back(hit("client:" + std::to_string(i)));
  int told = 0;
  for (const auto& batch : batches) {
    connected.redis.execute(batch, connected.clock.now() + 5s, [&](store::Answers answers) {
      REQUIRE(answers.size() == 1);
      CHECK(answers[0].count == 1);
      ++told;
    });
  }
  connected.redis.flush();
  CHECK(connected.run_until([&] { return told == 5000; }));
  CHECK(connected.redis.statistics().connections == 1);
}

}  // namespace mxwarden
