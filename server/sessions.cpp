#include "server/sessions.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <utility>

namespace mxwarden::server {
namespace {

// Who has asked first does not wait for all; and where the server is the limit, those who have their answers ask anew
// while it still works.
constexpr std::size_t most_replies_at_once = 32;

}  // namespace

Sessions::Sessions(boost::asio::io_context& context, policy::Pipeline& pipeline, const Clock& clock, Recorder& recorder,
                   const Options& options)
    : context_(context),
      readiness_(context, clock, [this] { end_turn(); }),
      pipeline_(pipeline),
      clock_(clock),
      recorder_(recorder),
      options_(options) {}

void Sessions::open(FileDescriptor socket, const Entrance& entrance) {
  if (open_.size() >= options_.max_connections) close_one_for_another();
  const auto session = std::make_shared<Session>(std::move(socket), entrance, ++last_id_, clock_.now(), *this);
  session->place_ = open_.insert(open_.end(), session);
  // So that no reply is lost for want of memory. Each is in each of them once.
  for (auto* sessions : {&ready_, &replying_, &sending_}) sessions->reserve(open_.size());
  recorder_.opened(open_.size());
  session->start();
  if (draining_) session->drain();
}

void Sessions::end_turn() {
  turn_ends_ = true;
  for (auto* session : ready_) session->work();
  ready_.clear();
  pipeline_.flush();
  send_replies();
  // What was asked right behind a request that has its reply now.
  pipeline_.flush();
  turn_ends_ = false;
  if (!replying_.empty()) end_turn_later();
}

// Each turn ends, also one that only a store's answers or the end of a hold have begun.
void Sessions::end_turn_later() {
  if (turn_ends_) return;
  boost::asio::post(context_, [this] { end_turn(); });
  turn_ends_ = true;
}

void Sessions::gather_reply(Session& session) {
  replying_.push_back(&session);
  end_turn_later();
}

void Sessions::send_some_replies() {
  if (replying_.size() >= most_replies_at_once && sending_.empty()) send_replies();
}

void Sessions::send_replies() {
  sending_.swap(replying_);
  for (auto* session : sending_) session->send_gathered_reply();
  sending_.clear();
}

void Sessions::used(Session& session) {
  open_.splice(open_.end(), open_, session.place_);
}

bool Sessions::may_hold() {
  if (held_ < most_held) return true;
  too_many_held_.warn(
      fmt::format("{} answers are held back at once; no more are ([greet_pause], [bad_recipient_throttle])", held_),
      clock_.now());
  return false;
}

void Sessions::closed(Session& session, CloseReason reason) {
  recorder_.closed(reason);
  std::erase(replying_, &session);
  closed_.splice(closed_.end(), open_, session.place_);
  bury_later();
  if (on_closed_) on_closed_();
}

// A closed session may be in the middle of its work, or the store still knows it.
void Sessions::bury_later() {
  boost::asio::post(context_, [this] { closed_.remove_if([](const auto& session) { return !session->awaited_; }); });
}

// One that is owed an answer is not idle, however long ago it asked.
void Sessions::close_one_for_another() {
  for (const auto& session : open_) {
    if (session->owes_answer()) continue;
    const auto idle_longest = session;
    idle_longest->close(CloseReason::connection_cap);
    return;
  }
  if (!open_.empty()) std::shared_ptr(open_.front())->close(CloseReason::connection_cap);
}

void Sessions::close_idle(Instant now) {
  for (auto next = open_.begin(); next != open_.end();) {
    const auto session = *next++;
    if (session->last_used() + options_.idle_timeout > now) return;
    if (!session->owes_answer()) session->close(CloseReason::idle);
  }
}

void Sessions::drain() {
  draining_ = true;
  for (auto next = open_.begin(); next != open_.end();) {
    const auto session = *next++;
    session->drain();
  }
}

void Sessions::close_all(CloseReason reason) {
  while (!open_.empty()) std::shared_ptr(open_.front())->close(reason);
}

}  // namespace mxwarden::server
