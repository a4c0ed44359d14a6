#pragma once
// A connection to a Redis or to a sentinel: commands out, replies in. It is made anew as often as its owner likes, and
// only the newest is heard: what comes late of one before changes nothing. With TLS it is connected only when the
// server has shown that it is the right one (store/redis_tls.hpp).
//
// Threads: one, that of the io_context, which must outlive it and is not to run after it.

#include <boost/asio/io_context.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/redis_address.hpp"
#include "store/redis_wire.hpp"

namespace mxwarden::store {

class RedisTls;

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

  // Without `tls` in plain text.
  RedisSocket(boost::asio::io_context& context, Owner& owner, std::shared_ptr<RedisTls> tls);
  ~RedisSocket();

  // Closes what there is, and connects.
  void open(const RedisServerAddress& server);
  void close();

  // What send() is to send; a connection begins without any.
  std::string& outgoing() { return outgoing_; }
  // Once connected. All of it in one write; while another is on its way, after that one.
  void send();

 private:
  struct Connection;
  using ConnectionPointer = boost::intrusive_ptr<Connection>;

  void connected();
  void shake_hands(const RedisServerAddress& server);
  void send_from(std::size_t begin);
  void read();
  void take_replies();
  std::string in_words(const boost::system::error_code& error) const;

  boost::asio::io_context& context_;
  Owner& owner_;
  std::shared_ptr<RedisTls> tls_;
  ConnectionPointer connection_;  // handlers of an older one have nothing to say
  RedisReader reader_;
  std::vector<char> received_;
  std::string outgoing_;
  bool sending_ = false;
};

}  // namespace mxwarden::store
