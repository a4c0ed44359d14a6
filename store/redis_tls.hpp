#pragma once
// TLS to a Redis or a sentinel: whom this node trusts, what it shows of itself, and what has gone wrong, in words for
// an administrator.
//
// A server is believed when its certificate is valid now, comes from an authority that is trusted, and is for the name
// that was asked for or, without one, for the address that was connected to (subjectAltName, IP Address). TLS 1.2 at
// least. Nothing can be switched off: who wants less writes `tls = no`.
//
// BUGS: revocation is not looked at; sessions are not resumed, each connection is greeted from the beginning.
//
// Threads: one, that of the connections.

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/redis_address.hpp"

namespace mxwarden::store {

class RedisTls {
 public:
  // In PEM. No path: there is none.
  struct File {
    std::string path;
    std::string content;
  };

  struct Options {
    File authorities;  // none: the system's
    File certificate;  // of this node, and those up to its authority; none: it has none. With `key`, or neither
    File key;
    std::string name;  // of a host, or an address; empty: the address that is connected to
  };

  using Socket = boost::asio::generic::stream_protocol::socket;
  using Stream = boost::asio::ssl::stream<Socket&>;

  // An error begins with the path of the file that is wrong.
  static Result<std::shared_ptr<RedisTls>> make(Options options);

  // Over a connection to this server that was made: to shake hands on. The server is not one on a unix socket.
  std::unique_ptr<Stream> over(Socket& socket, const RedisServerAddress& server);
  // What went wrong on it.
  std::string in_words(Stream& stream, const boost::system::error_code& error) const;

 private:
  explicit RedisTls(Options options);

  Result<void> trust();
  Result<void> show();
  std::string remedy(long verdict) const;

  Options options_;
  boost::asio::ssl::context context_;
};

}  // namespace mxwarden::store
