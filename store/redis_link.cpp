#include "store/redis_link.hpp"

#include <fmt/format.h>

namespace mxwarden::store {
namespace {

constexpr Duration administrator_takes = std::chrono::seconds(30);
constexpr Duration rest_takes = std::chrono::milliseconds(500);

constexpr int doubtful_failures = 3;

constexpr std::size_t digest_size = 40;  // SHA-1, in hex

// What to do about it first, then how the server has put it.
std::string in_words(std::string_view advice, std::string_view error) {
  if (advice.empty()) return fmt::format("Redis answers: {}", error);
  return fmt::format("{} ({})", advice, error);
}

// Nothing of the error but its code: one about an unknown command repeats the arguments, and so the password.
std::string in_words_without_arguments(std::string_view advice, std::string_view error) {
  return in_words(advice.empty() ? "Redis does not take the password" : advice, error.substr(0, error.find(' ')));
}

}  // namespace

RedisLink::RedisLink(const Options& options) : back_off_(options.seed), options_(options) {}

RedisLink::Action RedisLink::moved(Instant now) {
  back_off_.begin_anew();
  failures_ = 0;
  trouble_.clear();
  return connect(now);
}

RedisLink::Action RedisLink::connect(Instant now) {
  state_ = State::connecting;
  wakes_at_ = now + options_.greeting_within;
  return Action::connect;
}

RedisLink::Action RedisLink::connected(Instant now) {
  if (state_ != State::connecting) return Action::none;
  state_ = State::greeting;
  wakes_at_ = now + options_.greeting_within;
  advance_to(Step::auth);
  return Action::send_greeting;
}

bool RedisLink::needs(Step step) const {
  switch (step) {
    case Step::auth:
      return !options_.password.empty();
    case Step::select:
      return options_.db != 0;
    case Step::role:
    case Step::script:
      return true;
  }
  return true;
}

void RedisLink::advance_to(Step step) {
  while (!needs(step)) step = static_cast<Step>(static_cast<int>(step) + 1);
  step_ = step;
}

std::string RedisLink::greeting() const {
  std::string commands;
  if (needs(Step::auth) && options_.user.empty()) append_command(commands, {"AUTH", options_.password});
  if (needs(Step::auth) && !options_.user.empty()) append_command(commands, {"AUTH", options_.user, options_.password});
  if (needs(Step::select)) append_command(commands, {"SELECT", std::to_string(options_.db)});
  append_command(commands, {"ROLE"});
  append_command(commands, {"SCRIPT", "LOAD", options_.script});
  return commands;
}

RedisLink::Action RedisLink::greeted(const RedisReply& reply, Instant now) {
  if (state_ != State::greeting) return Action::none;
  if (reply.is_error()) return refused(reply.text(), now);
  switch (step_) {
    case Step::auth:
      advance_to(Step::select);
      return Action::none;
    case Step::select:
      advance_to(Step::role);
      return Action::none;
    case Step::role:
      return role_is(reply, now);
    case Step::script:
      return script_is(reply, now);
  }
  return Action::none;
}

RedisLink::Action RedisLink::refused(std::string_view error, Instant now) {
  const RedisTrouble trouble = understand_redis_error(error);
  trouble_ = step_ == Step::auth ? in_words_without_arguments(trouble.advice, error) : in_words(trouble.advice, error);
  switch (trouble.remedy) {
    case RedisRemedy::rest:
      return close_until(now + rest_takes);
    case RedisRemedy::reconnect:
      return try_again(now);
    case RedisRemedy::send_script:
    case RedisRemedy::wait_for_administrator:
    case RedisRemedy::none:
      break;
  }
  return close_until(now + administrator_takes);
}

RedisLink::Action RedisLink::role_is(const RedisReply& reply, Instant now) {
  const std::string_view role = reply.size() > 0 ? reply[0].text() : std::string_view();
  if (role == "slave") {
    failures_ = doubtful_failures;
    return lost("the server is a replica", now);
  }
  if (role != "master") return lost("the server is neither a master nor a replica", now);
  advance_to(Step::script);
  return Action::none;
}

RedisLink::Action RedisLink::script_is(const RedisReply& reply, Instant now) {
  if (reply.text().size() != digest_size) return lost("the server does not say what the script is called", now);
  digest_ = reply.text();
  state_ = State::ready;
  wakes_at_.reset();
  return Action::none;
}

bool RedisLink::takes_calls(Instant now) const {
  if (state_ == State::ready) return true;
  return state_ == State::resting && !probing_ && (!wakes_at_ || now >= *wakes_at_);
}

bool RedisLink::doubts_server() const {
  return failures_ >= doubtful_failures;
}

void RedisLink::called() {
  if (state_ != State::resting) return;
  probing_ = true;
  wakes_at_.reset();
}

RedisLink::Action RedisLink::troubled(const RedisTrouble& trouble, std::string_view error, Instant now) {
  if (!is_connected()) return Action::none;
  if (trouble.remedy != RedisRemedy::send_script) trouble_ = in_words(trouble.advice, error);
  switch (trouble.remedy) {
    case RedisRemedy::rest:
      state_ = State::resting;
      probing_ = false;
      wakes_at_ = now + rest_takes;
      return Action::none;
    case RedisRemedy::reconnect:
      return try_again(now);
    case RedisRemedy::wait_for_administrator:
      return close_until(now + administrator_takes);
    case RedisRemedy::send_script:
    case RedisRemedy::none:
      // It looked at the call, so it can count.
      end_rest();
      return Action::none;
  }
  return Action::none;
}

void RedisLink::answered() {
  if (!is_connected()) return;
  trouble_.clear();
  back_off_.begin_anew();
  failures_ = 0;
  end_rest();
}

// An answer that comes while the rest has still to last is one to a call from before it.
void RedisLink::end_rest() {
  if (state_ == State::resting && !wakes_at_) state_ = State::ready;
}

RedisLink::Action RedisLink::lost(std::string_view why, Instant now) {
  if (state_ == State::waiting) return Action::none;
  trouble_ = why;
  return try_again(now);
}

RedisLink::Action RedisLink::woke(Instant now) {
  if (!wakes_at_ || now < *wakes_at_) return Action::none;
  switch (state_) {
    case State::waiting:
      return connect(now);
    case State::connecting:
      return lost(not_connected_in_time(options_.tls), now);
    case State::greeting:
      return lost("the server did not answer the greeting in time", now);
    case State::ready:
    case State::resting:
      wakes_at_.reset();
      return Action::none;
  }
  return Action::none;
}

RedisLink::Action RedisLink::close_until(Instant wakes_at) {
  state_ = State::waiting;
  wakes_at_ = wakes_at;
  ++failures_;
  return Action::close;
}

RedisLink::Action RedisLink::try_again(Instant now) {
  return close_until(now + back_off_.next());
}

}  // namespace mxwarden::store
