#pragma once
// A connection to a Redis or to a sentinel: commands out, replies in. It is made anew as often as its owner likes, and
// only the newest is heard: what comes late of one before changes nothing.
//
// Threads: one, that of the io_context, which must outlive it and is not to run after it.

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/redis_address.hpp"
#include "store/redis_wire.hpp"

namespace mxwarden::store {

class RedisSocket {
 public:
  // Who decides what is done. May open and close the socket from within each of these.
  class Owner {
   public:
    virtual ~Owner() = default;

    virtual void connected() = 0;
    // Not to be used any more once the socket was opened or closed.
    virtual void received(const RedisReply& reply) = 0;
    // The connection could not be made, has ended, or speaks something else; it is to be closed, or opened anew.
    virtual void lost(std::string_view why) = 0;
    // The last call of a turn of the loop in which something was told, or what was sent has left.
    virtual void turn_ends() = 0;
  };

  RedisSocket(boost::asio::io_context& context, Owner& owner);

  // Closes what there is, and connects.
  void open(const RedisServerAddress& server);
  void close();

  // What send() is to send; a connection begins without any.
  std::string& outgoing() { return outgoing_; }
  // Once connected. All of it in one write; while another is on its way, after that one.
  void send();

 private:
  using Protocol = boost::asio::generic::stream_protocol;

  void send_from(std::size_t begin);
  void read();
  void take_replies();

  Owner& owner_;
  Protocol::socket socket_;
  std::uint64_t generation_ = 0;  // of the connection: handlers of an older one have nothing to say
  RedisReader reader_;
  std::vector<char> received_;
  std::string outgoing_;
  std::string on_the_way_;
  bool sending_ = false;
};

}  // namespace mxwarden::store
