#include "store/redis_socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <utility>

#include "store/redis_tls.hpp"

namespace mxwarden::store {
namespace {

using boost::system::error_code;
using Protocol = boost::asio::generic::stream_protocol;

constexpr std::size_t receive_size = 64 * 1024;
// A peer that is gone without a word is noticed by the deadline of a question; an idle connection by keepalive.
constexpr int keepalive_idle_seconds = 30;
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;
constexpr int unacknowledged_milliseconds = 10'000;

Protocol::endpoint endpoint_of(const RedisServerAddress& server) {
  if (const auto* path = std::get_if<std::string>(&server.where)) {
    return boost::asio::local::stream_protocol::endpoint(*path);
  }
  const auto& inet = std::get<SocketAddress>(server.where);
  return boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address(inet.address.to_string()), inet.port);
}

// Of TCP alone; on a unix socket they fail, which does not matter.
void tune(Protocol::socket& socket) {
  const auto set = [&](int level, int option, int value) {
    (void)::setsockopt(socket.native_handle(), level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_milliseconds);
}

}  // namespace

// Lives until its last handler is gone: with TLS an operation may have several parts, the later ones of which still
// look at what it was given when it began.
struct RedisSocket::Connection : boost::intrusive_ref_counter<Connection, boost::thread_unsafe_counter> {
  explicit Connection(boost::asio::io_context& context) : socket(context) {}

  // With TLS not more than a record of 16 KiB at a time.
  template <class Handler>
  void read_some(boost::asio::mutable_buffer to, Handler handler) {
    tls ? tls->async_read_some(to, std::move(handler)) : socket.async_read_some(to, std::move(handler));
  }
  template <class Handler>
  void write_some(boost::asio::const_buffer from, Handler handler) {
    tls ? tls->async_write_some(from, std::move(handler)) : socket.async_write_some(from, std::move(handler));
  }

  Protocol::socket socket;
  std::unique_ptr<RedisTls::Stream> tls;  // over `socket`; none: plain text
  std::string on_the_way;
};

RedisSocket::RedisSocket(boost::asio::io_context& context, Owner& owner, std::shared_ptr<RedisTls> tls)
    : context_(context), owner_(owner), tls_(std::move(tls)), received_(receive_size) {}

// Handlers that are still waiting hold the connection.
RedisSocket::~RedisSocket() {
  close();
}

void RedisSocket::open(const RedisServerAddress& server) {
  close();
  connection_ = new Connection(context_);
  auto made = [this, connection = connection_, server](const error_code& error) {
    if (connection != connection_) return;
    if (error) {
      owner_.lost(error.message());
    } else {
      tune(connection->socket);
      if (tls_) return shake_hands(server);
      connected();
    }
    owner_.turn_ends();
  };
  connection_->socket.async_connect(endpoint_of(server), std::move(made));
}

void RedisSocket::shake_hands(const RedisServerAddress& server) {
  connection_->tls = tls_->over(connection_->socket, server);
  auto shaken = [this, connection = connection_](const error_code& error) {
    if (connection != connection_) return;
    error ? owner_.lost(in_words(error)) : connected();
    owner_.turn_ends();
  };
  connection_->tls->async_handshake(boost::asio::ssl::stream_base::client, std::move(shaken));
}

void RedisSocket::connected() {
  const auto connection = connection_;
  owner_.connected();
  if (connection == connection_) read();
}

void RedisSocket::close() {
  if (connection_) {
    error_code ignored;
    connection_->socket.close(ignored);
    connection_.reset();
  }
  reader_ = RedisReader();
  outgoing_.clear();
  sending_ = false;
}

void RedisSocket::send() {
  if (sending_ || outgoing_.empty() || !connection_) return;
  sending_ = true;
  connection_->on_the_way.clear();
  std::swap(connection_->on_the_way, outgoing_);
  send_from(0);
}

// Piece by piece, and not by async_write: that would go on with the rest over a connection that was closed.
void RedisSocket::send_from(std::size_t begin) {
  auto sent = [this, begin, connection = connection_](const error_code& error, std::size_t size) {
    if (connection != connection_) return;
    if (!error && begin + size < connection->on_the_way.size()) return send_from(begin + size);
    // A server that refuses this node's certificate says so and closes at once: why is still to be read.
    if (error && connection->tls) return;
    sending_ = false;
    if (error) owner_.lost(error.message());
    owner_.turn_ends();
    send();
  };
  connection_->write_some(boost::asio::buffer(connection_->on_the_way) + begin, std::move(sent));
}

void RedisSocket::read() {
  auto received = [this, connection = connection_](const error_code& error, std::size_t size) {
    if (connection != connection_) return;
    if (error) {
      owner_.lost(in_words(error));
    } else {
      reader_.feed({received_.data(), size});
      take_replies();
      if (connection == connection_) read();
    }
    owner_.turn_ends();
  };
  connection_->read_some(boost::asio::buffer(received_), std::move(received));
}

void RedisSocket::take_replies() {
  for (const auto connection = connection_; connection == connection_;) {
    const auto reply = reader_.next();
    if (!reply) return owner_.lost(reply.error().message);
    if (!*reply) return;
    owner_.received(**reply);
  }
}

std::string RedisSocket::in_words(const error_code& error) const {
  if (connection_->tls) return tls_->in_words(*connection_->tls, error);
  return error == boost::asio::error::eof ? "the connection was closed" : error.message();
}

}  // namespace mxwarden::store
