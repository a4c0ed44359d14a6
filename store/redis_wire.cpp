#include "store/redis_wire.hpp"

#include <hiredis/hiredis.h>

#include <charconv>
#include <new>

namespace mxwarden::store {
namespace {

constexpr std::string_view line_end = "\r\n";

void append_header(std::string& to, char type, std::size_t size) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, size).ptr;
  to += type;
  to.append(digits, end);
  to += line_end;
}

const redisReply& as_reply(const void* parsed) {
  return *static_cast<const redisReply*>(parsed);
}

}  // namespace

void append_command(std::string& to, std::span<const std::string_view> arguments) {
  append_command_size(to, arguments.size());
  for (const std::string_view argument : arguments) append_argument(to, argument);
}

void append_command(std::string& to, std::initializer_list<std::string_view> arguments) {
  append_command(to, std::span(arguments.begin(), arguments.size()));
}

void append_command_size(std::string& to, std::size_t arguments) {
  append_header(to, '*', arguments);
}

void append_argument(std::string& to, std::string_view argument) {
  append_header(to, '$', argument.size());
  to += argument;
  to += line_end;
}

RedisReply::Kind RedisReply::kind() const {
  switch (as_reply(parsed_).type) {
    case REDIS_REPLY_STATUS:
      return Kind::status;
    case REDIS_REPLY_ERROR:
      return Kind::error;
    case REDIS_REPLY_INTEGER:
      return Kind::integer;
    case REDIS_REPLY_STRING:
      return Kind::text;
    case REDIS_REPLY_ARRAY:
      return Kind::array;
    default:  // hiredis 1.0 knows kinds that RESP2 has not: nobody here asks for them
      return Kind::nil;
  }
}

std::int64_t RedisReply::integer() const {
  return kind() == Kind::integer ? as_reply(parsed_).integer : 0;
}

std::string_view RedisReply::text() const {
  const Kind is = kind();
  if (is != Kind::status && is != Kind::error && is != Kind::text) return {};
  return {as_reply(parsed_).str, static_cast<std::size_t>(as_reply(parsed_).len)};
}

std::size_t RedisReply::size() const {
  return kind() == Kind::array ? static_cast<std::size_t>(as_reply(parsed_).elements) : 0;
}

RedisReply RedisReply::operator[](std::size_t at) const {
  return RedisReply(as_reply(parsed_).element[at]);
}

struct RedisReader::State {
  State() : reader(redisReaderCreate()) {
    if (reader == nullptr) throw std::bad_alloc();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    forget();
    redisReaderFree(reader);
  }
  void forget() {
    if (reply != nullptr) freeReplyObject(reply);
    reply = nullptr;
  }

  redisReader* reader;
  void* reply = nullptr;  // the one that was handed out
};

RedisReader::RedisReader() : state_(std::make_unique<State>()) {}
RedisReader::~RedisReader() = default;
RedisReader::RedisReader(RedisReader&&) noexcept = default;
RedisReader& RedisReader::operator=(RedisReader&&) noexcept = default;

// What fails here is remembered by the reader, and said by next().
void RedisReader::feed(std::string_view bytes) {
  state_->forget();
  redisReaderFeed(state_->reader, bytes.data(), bytes.size());
}

Result<std::optional<RedisReply>> RedisReader::next() {
  state_->forget();
  if (redisReaderGetReply(state_->reader, &state_->reply) != REDIS_OK) {
    return Error{"what the server sends is no RESP2: " + std::string(state_->reader->errstr)};
  }
  if (state_->reply == nullptr) return std::optional<RedisReply>();
  return std::optional<RedisReply>(RedisReply(state_->reply));
}

}  // namespace mxwarden::store
