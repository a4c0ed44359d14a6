#include "store/redis_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "base/escape.hpp"

namespace mxwarden::store {
namespace {

constexpr Duration apart = std::chrono::seconds(10);

}  // namespace

RedisStore::RedisStore(boost::asio::io_context& context, const Clock& clock, std::unique_ptr<RedisLocator> locator,
                       Options options)
    : RedisConnection(context, clock, std::move(locator), options, redis_script()),
      options_(std::move(options)),
      names_{.prefix = options_.prefix, .node = options_.node},
      deadline_timer_(context) {}

RedisStore::~RedisStore() = default;

void RedisStore::start() {
  open();
}

void RedisStore::stop() {
  shut();
  flush();  // what that made others ask
  deadline_timer_.cancel();
}

RedisStore::Statistics RedisStore::statistics() const {
  auto statistics = statistics_;
  statistics.connections = connections_;
  statistics.up = link_.state() == RedisLink::State::ready;
  return statistics;
}

// What is asked.

RedisStore::Ask& RedisStore::take_ask() {
  if (unused_.empty()) unused_.push_back(asks_.emplace_back(std::make_unique<Ask>()).get());
  auto& ask = *unused_.back();
  unused_.pop_back();
  return ask;
}

void RedisStore::execute(const Batch& batch, Instant deadline, Completion completion) {
  auto& ask = take_ask();
  ask.batch = &batch;
  ask.completion = std::move(completion);
  ask.deadline = deadline;
  ask.can_say = true;
  ask.questions_left = 0;
  asked_.push_back(&ask);
}

void RedisStore::flush() {
  if (flushing_) return;
  flushing_ = true;
  const auto now = clock_.now();
  for (std::size_t at = 0; at < asked_.size(); ++at) {
    auto& ask = *asked_[at];
    if (ask.batch->counts.empty()) {
      ask.answers.clear();
      answer(ask);
    } else if (!stopped_ && link_.takes_calls(now) && has_time(ask, now)) {
      ask.deadline = std::min(ask.deadline, now + options_.deadline);
      soonest_ = std::min(soonest_, ask.deadline);
      put_questions(ask);
      if (link_.state() == RedisLink::State::resting) send_call(false);  // a probe, and nothing else
    } else {
      ask.can_say = false;
      answer(ask);
    }
  }
  asked_.clear();
  flushing_ = false;
  send_call(false);
  socket_.send();
  await_deadline();
}

// Silence after a moment says nothing about the server, and would cost all others the connection.
bool RedisStore::has_time(const Ask& ask, Instant now) const {
  return ask.deadline - now >= options_.deadline / 2;
}

// The counts of an entity stand together, its gauges first. Few batches have more than a handful.
void RedisStore::put_questions(Ask& ask) {
  const auto& counts = ask.batch->counts;
  ask.answers.assign(counts.size(), {});
  ask.order.resize(counts.size());
  std::iota(ask.order.begin(), ask.order.end(), 0U);
  const auto same_entity = [&](std::uint32_t one, std::uint32_t other) {
    return counts[one].entity == counts[other].entity;
  };
  for (std::size_t first = 0; first < ask.order.size();) {
    const auto entity = ask.order[first];
    const auto end = std::stable_partition(ask.order.begin() + static_cast<std::ptrdiff_t>(first), ask.order.end(),
                                           [&](std::uint32_t at) { return same_entity(at, entity); });
    const auto size = static_cast<std::size_t>(end - ask.order.begin()) - first;
    std::stable_partition(end - static_cast<std::ptrdiff_t>(size), end,
                          [&](std::uint32_t at) { return counts[at].gauge; });
    ++ask.questions_left;
    ++statistics_.questions;
    put({&ask, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(size)});
    first += size;
  }
}

void RedisStore::put(const Question& question) {
  const auto entity = std::hash<std::string>()(question.entity());
  if (std::ranges::find(entities_, entity) != entities_.end() || !fits(question)) send_call(false);
  entities_.push_back(entity);
  call_.add(names_, question.asked());
  together_.push_back(question);
}

bool RedisStore::fits(const Question& question) const {
  if (together_.empty()) return true;
  const auto& own = *question.ask->batch;
  const auto& others = *together_.front().ask->batch;
  if (clock_.now() < apart_until_ || own.look != others.look || (options_.time_of_batch && own.now != others.now))
    return false;
  return call_.keys() + question.size <= keys_most;
}

void RedisStore::send_call(bool with_text) {
  if (together_.empty()) return;
  const auto script =
      with_text ? ScriptAs{"EVAL", redis_script()} : ScriptAs{"EVALSHA", std::string_view(link_.digest())};
  const auto time = options_.time_of_batch ? std::optional(together_.front().ask->batch->now) : std::nullopt;
  calls_.push_back({together_.size(), call_.keys(), with_text});
  in_flight_.insert(in_flight_.end(), together_.begin(), together_.end());
  call_.append_to(socket_.outgoing(), script, time);
  forget_call();
  link_.called();
  ++statistics_.calls;
}

void RedisStore::forget_call() {
  call_.clear();
  together_.clear();
  entities_.clear();
}

void RedisStore::is_over(const Question& question, bool can_say) {
  auto& ask = *question.ask;
  ask.can_say = ask.can_say && can_say;
  if (--ask.questions_left == 0) answer(ask);
}

void RedisStore::answer(Ask& ask) {
  if (!ask.can_say) ask.answers.clear();
  const auto completion = std::exchange(ask.completion, nullptr);
  completion(ask.answers);
  // Only now, so that what the completion asks does not write over the answers.
  unused_.push_back(&ask);
}

void RedisStore::fail_all() {
  calls_.clear();
  auto lost = std::exchange(in_flight_, {});
  lost.insert(lost.end(), together_.begin(), together_.end());
  forget_call();
  for (const auto& question : lost) is_over(question, false);
}

// What is answered.

void RedisStore::received(const RedisReply& reply) {
  if (takes(reply)) return;
  if (calls_.empty()) return lost("a reply to nothing that was asked");
  const auto call = calls_.front();
  calls_.pop_front();
  reply.is_error() ? take_error(call, reply) : take_answer(call, reply);
}

void RedisStore::take_answer(const Call& call, const RedisReply& reply) {
  const auto questions = take_questions(call);
  ScriptAnswer answer(reply, call.keys);
  const bool understood = answer.has_form() && std::ranges::all_of(questions, [&](const Question& question) {
                            return answer.take(question.asked(), question.ask->answers);
                          });
  if (understood) link_.answered();
  // First the link, so that what the completions ask is not sent over a connection that is lost.
  const auto action =
      understood ? RedisLink::Action::none : link_.lost("an answer that the script does not give", clock_.now());
  for (const auto& question : questions) is_over(question, understood);
  follow(action);
}

void RedisStore::take_error(const Call& call, const RedisReply& reply) {
  const auto questions = take_questions(call);
  const auto trouble = understand_redis_error(reply.text());
  if (trouble.remedy == RedisRemedy::send_script && !call.with_text) {
    for (const auto& question : questions) put(question);
    return send_call(true);
  }
  if (trouble.remedy == RedisRemedy::none) {
    const auto now = clock_.now();
    if (call.questions > 1) {
      apart_until_ = now + apart;
    } else {
      error_.warn(fmt::format("redis {}: {}: {}", server_.name, quoted(questions.front().entity()), reply.text()), now);
    }
  }
  const auto action = link_.troubled(trouble, reply.text(), clock_.now());
  for (const auto& question : questions) is_over(question, false);
  follow(action);
}

RedisStore::Questions RedisStore::take_questions(const Call& call) {
  const auto end = in_flight_.begin() + static_cast<std::ptrdiff_t>(call.questions);
  Questions questions(in_flight_.begin(), end);
  in_flight_.erase(in_flight_.begin(), end);
  return questions;
}

// Once for many calls: few of those that are sent while it waits have an earlier deadline. (One that is sent again with
// its text has an earlier one than those before it, so all are looked at.)
void RedisStore::await_deadline() {
  const auto soonest = std::exchange(soonest_, Instant::max());
  if (in_flight_.empty() || (awaited_ && *awaited_ <= soonest)) return;
  awaited_ = awaited_ ? soonest : next_deadline();
  deadline_timer_.expires_at(*awaited_);
  deadline_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    awaited_.reset();
    const auto now = clock_.now();
    if (!in_flight_.empty() && next_deadline() <= now) follow(link_.lost("no answer in time", now));
    flush();
  });
}

Instant RedisStore::next_deadline() const {
  const auto sooner = [](const Question& one, const Question& other) {
    return one.ask->deadline < other.ask->deadline;
  };
  return std::ranges::min_element(in_flight_, sooner)->ask->deadline;
}

// One warning for each time that Redis is away, and one line when it is back; what else comes to light meanwhile is for
// whoever looks closely.
void RedisStore::tell_changes() {
  const bool up = link_.state() == RedisLink::State::ready;
  if (up && !was_up_) {
    log::info(fmt::format("redis {}: connected, counts are shared", server_.name));
    told_.clear();
  } else if (!up && !link_.trouble().empty() && link_.trouble() != told_) {
    const auto line =
        fmt::format("redis {}: {}; what it cannot say is answered without it", server_.name, link_.trouble());
    told_.empty() ? log::warn(line) : log::debug(line);
    told_ = link_.trouble();
  }
  was_up_ = up;
}

}  // namespace mxwarden::store
