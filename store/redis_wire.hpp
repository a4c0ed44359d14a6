#pragma once
// The Redis protocol, RESP2 (https://redis.io/docs/reference/protocol-spec/): commands out, replies in. No I/O.
//
// hiredis' reader parses; nothing else of hiredis is used, and no other file includes it.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mxwarden::store {

// Appends one command as it goes over the wire.
void append_command(std::string& to, std::span<const std::string_view> arguments);
void append_command(std::string& to, std::initializer_list<std::string_view> arguments);

// The same in parts: first how many arguments there are, the command's name among them, then each of them.
void append_command_size(std::string& to, std::size_t arguments);
void append_argument(std::string& to, std::string_view argument);

// A reply, or an element of one: a view of what the reader has parsed.
class RedisReply {
 public:
  enum class Kind : std::uint8_t { nil, status, error, integer, text, array };

  explicit RedisReply(const void* parsed) : parsed_(parsed) {}  // a redisReply of hiredis

  Kind kind() const;
  bool is_error() const { return kind() == Kind::error; }
  std::int64_t integer() const;                 // 0 unless it is one
  std::string_view text() const;                // of a status, an error, a text; else empty
  std::size_t size() const;                     // of an array; else 0
  RedisReply operator[](std::size_t at) const;  // at < size()

 private:
  const void* parsed_;
};

// Replies out of a stream of bytes, however they are split.
//
// BUGS: hiredis 0.14 makes room for as many elements as an array announces, whatever may come; only a server that is
// trusted with the counts is listened to.
class RedisReader {
 public:
  RedisReader();
  ~RedisReader();
  RedisReader(RedisReader&&) noexcept;
  RedisReader& operator=(RedisReader&&) noexcept;

  void feed(std::string_view bytes);
  // The next whole reply, which lives until the next call of next() or feed(); nothing: more bytes are needed. An
  // error: the stream is no RESP2, or there is no memory; it is lost.
  Result<std::optional<RedisReply>> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::store
