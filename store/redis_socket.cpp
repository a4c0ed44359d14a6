#include "store/redis_socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <utility>

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

RedisSocket::RedisSocket(boost::asio::io_context& context, Owner& owner)
    : owner_(owner), socket_(context), received_(receive_size) {}

void RedisSocket::open(const RedisServerAddress& server) {
  close();
  socket_.async_connect(endpoint_of(server), [this, generation = generation_](const error_code& error) {
    if (generation != generation_) return;
    if (error) {
      owner_.lost(error.message());
    } else {
      tune(socket_);
      owner_.connected();
      if (generation == generation_) read();
    }
    owner_.turn_ends();
  });
}

void RedisSocket::close() {
  ++generation_;
  error_code ignored;
  socket_.close(ignored);
  reader_ = RedisReader();
  outgoing_.clear();
  sending_ = false;
}

void RedisSocket::send() {
  if (sending_ || outgoing_.empty() || !socket_.is_open()) return;
  sending_ = true;
  on_the_way_.clear();
  std::swap(on_the_way_, outgoing_);
  send_from(0);
}

// Piece by piece, and not by async_write: that would go on with the rest over the connection that comes next.
void RedisSocket::send_from(std::size_t begin) {
  socket_.async_write_some(boost::asio::buffer(on_the_way_) + begin,
                           [this, begin, generation = generation_](const error_code& error, std::size_t size) {
                             if (generation != generation_) return;
                             if (!error && begin + size < on_the_way_.size()) return send_from(begin + size);
                             sending_ = false;
                             if (error) owner_.lost(error.message());
                             owner_.turn_ends();
                             send();
                           });
}

void RedisSocket::read() {
  socket_.async_read_some(boost::asio::buffer(received_),
                          [this, generation = generation_](const error_code& error, std::size_t size) {
                            if (generation != generation_) return;
                            if (error == boost::asio::error::eof) {
                              owner_.lost("the connection was closed");
                            } else if (error) {
                              owner_.lost(error.message());
                            } else {
                              reader_.feed({received_.data(), size});
                              take_replies();
                              if (generation == generation_) read();
                            }
                            owner_.turn_ends();
                          });
}

void RedisSocket::take_replies() {
  for (const auto generation = generation_; generation == generation_;) {
    const auto reply = reader_.next();
    if (!reply) return owner_.lost(reply.error().message);
    if (!*reply) return;
    owner_.received(**reply);
  }
}

}  // namespace mxwarden::store
