#pragma once
// All open policy connections, in the order of their last use, so that the one idle longest is at hand: for the idle
// timeout, which is looked at each second instead of by a timer for each, and for the cap. And how many answers are
// held back at once.
//
// A turn of those that are ready goes in steps, each taken by all of them before the next: receive; parse and ask;
// decide; send, some at a time, so that who has asked first does not wait for all. Likewise when answers of a store
// come in, or a hold ends: those of one handler of the io_context are a turn. A step's instructions stay in the
// processor's cache meanwhile; request by request, the kernel's and ours would displace each other each time.

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "policy/pipeline.hpp"
#include "server/readiness.hpp"
#include "server/recorder.hpp"
#include "server/session.hpp"

namespace mxwarden::server {

class Sessions {
 public:
  // Answers held back at once. Each keeps an smtpd busy, of which Postfix has 100 unless it is told otherwise: ten
  // times that is a large host in a flood, which needs its processes more than what a wait may show.
  static constexpr std::size_t most_held = 1000;

  struct Options {
    std::size_t max_connections = 4096;
    Duration idle_timeout = std::chrono::seconds(1200);
    Duration answer_within = std::chrono::milliseconds(500);
  };

  // All must outlive it, and the io_context must be destroyed after it has run empty or before this.
  Sessions(boost::asio::io_context& context, policy::Pipeline& pipeline, const Clock& clock, Recorder& recorder,
           const Options& options);

  // At the cap the connection that is idle longest is closed for the new one.
  // `socket` must not block.
  void open(FileDescriptor socket, const Entrance& entrance);
  // A reload.
  void set_options(const Options& options) { options_ = options; }

  void close_idle(Instant now);
  // New ones are closed at once; the others as soon as they are owed no answer.
  void drain();
  void close_all(CloseReason reason);
  std::size_t size() const { return open_.size(); }
  // Called each time a session has ended.
  void on_closed(std::function<void()> handler) { on_closed_ = std::move(handler); }

 private:
  friend class Session;
  using List = std::list<std::shared_ptr<Session>>;

  // Of this turn.
  void work_in_turn(Session& session) { ready_.push_back(&session); }
  // Of a request that is done but for its reply.
  void gather_reply(Session& session);
  void send_some_replies();
  void send_replies();
  void end_turn();
  void end_turn_later();
  void used(Session& session);
  bool may_hold();
  void closed(Session& session, CloseReason reason);
  void bury_later();
  void close_one_for_another();

  boost::asio::io_context& context_;
  Readiness readiness_;
  policy::Pipeline& pipeline_;
  const Clock& clock_;
  Recorder& recorder_;
  Options options_;
  List open_;                    // front: idle longest
  List closed_;                  // until this turn ends, and the store has answered them
  std::vector<Session*> ready_;  // in this turn, and not looked at yet
  std::vector<Session*> replying_;
  std::vector<Session*> sending_;
  bool turn_ends_ = false;  // by itself, or soon
  std::uint64_t last_id_ = 0;
  std::size_t held_ = 0;  // sessions whose answer is held back
  log::RepeatedWarning too_many_held_;
  bool draining_ = false;
  std::function<void()> on_closed_;
};

}  // namespace mxwarden::server
