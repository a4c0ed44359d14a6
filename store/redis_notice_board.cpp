#include "store/redis_notice_board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "store/redis_error.hpp"

namespace mxwarden::store {
namespace {

using std::chrono::milliseconds;

constexpr Duration shortest_deadline = std::chrono::seconds(1);  // nobody's mail waits for it

// SET first: a Redis that is full refuses it, and then nothing was done.
constexpr std::string_view script = R"lua(
local text, nodes = KEYS[1], KEYS[2]
redis.call('SET', text, ARGV[2], 'PX', ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', nodes, string.format('%.0f', now), ARGV[1])
redis.call('PEXPIRE', nodes, ARGV[4])
redis.call('ZREMRANGEBYSCORE', nodes, '-inf', string.format('%.0f', now - ARGV[4]))
return 1
)lua";

std::string in_milliseconds(Duration duration) {
  return std::to_string(std::chrono::ceil<milliseconds>(duration).count());
}

bool is_text(const RedisReply& reply) {
  return reply.kind() == RedisReply::Kind::text;
}

}  // namespace

RedisNoticeBoard::RedisNoticeBoard(boost::asio::io_context& context, const Clock& clock,
                                   std::unique_ptr<RedisLocator> locator, const Options& options)
    : RedisConnection(context, clock, std::move(locator), options, script),
      node_(options.node),
      common_(options.prefix + ":n1{notices}"),
      deadline_(std::max(options.deadline, shortest_deadline)),
      deadline_timer_(context, [this] { deadline_came(); }) {}

RedisNoticeBoard::~RedisNoticeBoard() = default;

void RedisNoticeBoard::start() {
  open();
}

void RedisNoticeBoard::stop() {
  shut();
}

std::string RedisNoticeBoard::key_of(std::string_view name, std::string_view node) const {
  return fmt::format("{}text/{}/{}", common_, name, node);
}

void RedisNoticeBoard::put(std::string_view name, std::string_view text) {
  if (stopped_ || !link_.takes_calls(clock_.now())) return;
  append_command(
      socket_.outgoing(),
      {with_text_ ? "EVAL" : "EVALSHA", with_text_ ? script : std::string_view(link_.digest()), "2",
       key_of(name, node_), common_ + "nodes", node_, text, in_milliseconds(good_for), in_milliseconds(known_for)});
  send({.deadline = clock_.now() + deadline_, .name = std::string(name), .done = nullptr, .nodes = {}});
}

void RedisNoticeBoard::read(std::string_view name, Read done) {
  if (stopped_ || !link_.takes_calls(clock_.now())) return done(away());
  append_command(socket_.outgoing(), {"ZRANGE", common_ + "nodes", "-200", "-1"});
  send({.deadline = clock_.now() + deadline_, .name = std::string(name), .done = std::move(done), .nodes = {}});
}

// Each has as long as the others, but the second question of one who reads, which has what is left: so the timer is
// right for the first, or comes early.
void RedisNoticeBoard::send(Call call) {
  if (in_flight_.empty()) deadline_timer_.set(call.deadline);
  in_flight_.push_back(std::move(call));
  link_.called();
  socket_.send();
}

void RedisNoticeBoard::deadline_came() {
  if (stopped_ || in_flight_.empty()) return;
  const auto next = std::ranges::min_element(in_flight_, {}, &Call::deadline)->deadline;
  if (next <= clock_.now()) return lost("no answer in time");
  deadline_timer_.set(next);
}

void RedisNoticeBoard::fail_all() {
  deadline_timer_.set({});
  const auto failed = std::exchange(in_flight_, {});
  for (const auto& call : failed) lose(call);
}

void RedisNoticeBoard::lose(const Call& call) {
  if (call.done) call.done(away());
}

Error RedisNoticeBoard::away() const {
  return {fmt::format("store away: {}", link_.trouble().empty() ? "there is no connection to Redis" : link_.trouble())};
}

void RedisNoticeBoard::received(const RedisReply& reply) {
  if (takes(reply)) return;
  if (in_flight_.empty()) return lost("a reply to nothing that was asked");
  auto call = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (reply.is_error()) return refuse(call, reply.text());
  const bool fits = reply.kind() == (call.done ? RedisReply::Kind::array : RedisReply::Kind::integer) &&
                    (!call.nodes || reply.size() == call.nodes->size());
  if (!fits) {
    const auto action = link_.lost("an answer to another question than that for notices", clock_.now());
    lose(call);
    return follow(action);
  }
  link_.answered();
  if (!call.done) {
    with_text_ = false;
  } else if (call.nodes) {
    take_texts(call, reply);
  } else {
    take_nodes(std::move(call), reply);
  }
}

void RedisNoticeBoard::take_nodes(Call call, const RedisReply& reply) {
  call.nodes.emplace();
  for (std::size_t at = 0; at < reply.size(); ++at) {
    if (is_text(reply[at])) call.nodes->emplace_back(reply[at].text());
  }
  if (call.nodes->empty()) return call.done(std::vector<Notice>());
  std::vector<std::string> keys;
  for (const auto& node : *call.nodes) keys.push_back(key_of(call.name, node));
  std::vector<std::string_view> arguments{"MGET"};
  arguments.insert(arguments.end(), keys.begin(), keys.end());
  append_command(socket_.outgoing(), arguments);
  send(std::move(call));
}

void RedisNoticeBoard::take_texts(const Call& call, const RedisReply& reply) {
  std::vector<Notice> notices;
  for (std::size_t at = 0; at < reply.size(); ++at) {
    auto& notice = notices.emplace_back(Notice{.node = (*call.nodes)[at], .text = {}});
    if (is_text(reply[at])) notice.text = reply[at].text();
  }
  call.done(notices);
}

void RedisNoticeBoard::refuse(const Call& call, std::string_view error) {
  const auto now = clock_.now();
  const auto trouble = understand_redis_error(error);
  if (trouble.remedy == RedisRemedy::send_script) with_text_ = true;
  if (trouble.remedy == RedisRemedy::none || trouble.remedy == RedisRemedy::wait_for_administrator) {
    refused_.warn(fmt::format("redis {}: nodes cannot tell each other who is the worst: {}", server_.name, error), now);
  }
  const auto action = link_.troubled(trouble, error, now);
  lose(call);
  follow(action);
}

}  // namespace mxwarden::store
