#include "store/redis_sentinel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/redis_error.hpp"

namespace mxwarden::store {
namespace {

constexpr std::string_view channel = "+switch-master";

bool is_about_channel(const RedisReply& reply, std::string_view what) {
  return reply.size() == 3 && reply[0].text() == what && reply[1].text() == channel;
}

std::string in_words(std::string_view error) {
  if (error.starts_with("NOAUTH")) return "it asks for a password, which is not supported";
  if (error.starts_with("ERR unknown command")) return "it is no sentinel";
  return fmt::format("it answers: {}", error);
}

// `MASTER OLD-ADDRESS OLD-PORT NEW-ADDRESS NEW-PORT' (https://redis.io/docs/management/sentinel/, "Pub/Sub messages").
struct Switch {
  std::string_view master;
  std::optional<SocketAddress> to;  // nothing: it is not written so
};

Switch parse_switch(std::string_view message) {
  std::array<std::string_view, 5> words;
  for (auto& word : words) {
    word = message.substr(0, message.find(' '));
    message.remove_prefix(std::min(word.size() + 1, message.size()));
  }
  if (!message.empty()) return {words[0], std::nullopt};
  return {words[0], SocketAddress::parse(words[3], words[4])};
}

}  // namespace

RedisSentinel::RedisSentinel(const Options& options) : back_off_(options.seed), options_(options) {}

RedisSentinel::Action RedisSentinel::start(Instant now) {
  if (state_ != State::waiting) return Action::none;
  state_ = State::connecting;
  wakes_at_ = now + options_.answers_within;
  return Action::connect;
}

RedisSentinel::Action RedisSentinel::connected(Instant now) {
  if (state_ != State::connecting) return Action::none;
  state_ = State::listening;
  return ask(now);
}

RedisSentinel::Action RedisSentinel::ask(Instant now) {
  if (state_ != State::listening) return Action::none;
  state_ = State::asking;
  step_ = Step::unsubscribe;
  wakes_at_ = now + options_.answers_within;
  return Action::send_question;
}

std::string RedisSentinel::question() const {
  std::string commands;
  append_command(commands, {"UNSUBSCRIBE", channel});
  append_command(commands, {"SENTINEL", "get-master-addr-by-name", options_.master});
  append_command(commands, {"SUBSCRIBE", channel});
  return commands;
}

RedisSentinel::Action RedisSentinel::received(const RedisReply& reply, Instant now) {
  if (state_ != State::asking && state_ != State::listening) return Action::none;
  if (reply.is_error()) return lost(in_words(reply.text()), now);
  if (is_about_channel(reply, "message")) return heard(reply[2].text(), now);
  if (state_ == State::asking) return replied(reply, now);
  return lost("a reply to nothing that was asked", now);
}

RedisSentinel::Action RedisSentinel::replied(const RedisReply& reply, Instant now) {
  switch (step_) {
    case Step::unsubscribe:
      if (!is_about_channel(reply, "unsubscribe")) break;
      step_ = Step::answer;
      return Action::none;
    case Step::answer:
      step_ = Step::subscribe;
      return answer_is(reply, now);
    case Step::subscribe:
      if (!is_about_channel(reply, "subscribe")) break;
      state_ = State::listening;
      wakes_at_ = now + options_.asked_every;
      return Action::none;
  }
  return lost("it does not answer as a sentinel does", now);
}

RedisSentinel::Action RedisSentinel::answer_is(const RedisReply& reply, Instant now) {
  const bool knows = reply.size() == 2;
  if (!knows && reply.kind() != RedisReply::Kind::nil) return lost("it does not answer as a sentinel does", now);
  back_off_.begin_anew();
  names_ = knows ? SocketAddress::parse(reply[0].text(), reply[1].text()) : std::nullopt;
  if (!knows) {
    trouble_ = fmt::format("it knows no master called `{}'", options_.master);
  } else if (!names_) {
    trouble_ = fmt::format("it says that the master is at {}, which is no IP address", reply[0].text());
  } else {
    trouble_.clear();
  }
  return Action::none;
}

RedisSentinel::Action RedisSentinel::heard(std::string_view message, Instant now) {
  const auto [master, to] = parse_switch(message);
  if (master != options_.master) return Action::none;
  if (!to) return lost("it says something else than where the master is now", now);
  names_ = to;
  return Action::follow;
}

RedisSentinel::Action RedisSentinel::lost(std::string_view why, Instant now) {
  if (state_ == State::waiting) return Action::none;
  state_ = State::waiting;
  wakes_at_ = now + back_off_.next();
  names_.reset();
  trouble_ = why;
  return Action::close;
}

RedisSentinel::Action RedisSentinel::woke(Instant now) {
  if (!wakes_at_ || now < *wakes_at_) return Action::none;
  switch (state_) {
    case State::waiting:
      return start(now);
    case State::connecting:
      return lost(not_connected_in_time(options_.tls), now);
    case State::asking:
      return lost("it did not answer in time", now);
    case State::listening:
      return ask(now);
  }
  return Action::none;
}

}  // namespace mxwarden::store
