#pragma once
// One policy connection of Postfix's: bytes in, a decision asked for, `action=...` and an empty line out.
//
// Invariants (postfix.md knows why): at most one request is outstanding, nothing more is parsed until it was
// answered; exactly one reply for each request, in their order, and no byte that nobody asked for. A malformed request
// gets no reply: one warning, and the connection ends.
//
// Owned by Sessions, which keeps it beyond its end until the turn is over and the store has answered. One thread.

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_descriptor.hpp"
#include "policy/pipeline.hpp"
#include "server/entrance.hpp"
#include "server/metrics.hpp"
#include "server/readiness.hpp"
#include "server/request_parser.hpp"
#include "server/socket.hpp"

namespace mxwarden::server {

class Sessions;

class Session final : public std::enable_shared_from_this<Session>, private Readiness::Watcher {
 public:
  // `socket` must not block.
  Session(FileDescriptor socket, const Entrance& entrance, std::uint64_t id, Instant now, Sessions& sessions);

  void start();
  // Ends as soon as nothing is asked any more: at once, or after the answer that is due, for which no hold is waited.
  void drain();
  void close(CloseReason reason);

  Instant last_used() const { return last_used_; }
  // A request was taken and its reply is not yet sent.
  bool owes_answer() const { return state_ >= State::deciding && state_ <= State::sending; }

 private:
  friend class Sessions;

  // ready: has something to look at; waiting: for bytes; deciding: the pipeline has the request; holding: a rule wants
  // the answer held back, for a while or until Postfix hangs up or a drain; sending: a reply, or the rest of it that
  // the kernel did not take at once.
  enum class State : std::uint8_t { ready, waiting, deciding, holding, sending, closed };

  // Takes what has come; work() looks at it when all that are ready in this turn have done so.
  void ready(bool peer_ended) override;
  template <class Work>
  void guarded(Work work);
  void failed(std::string_view what);

  void work();
  void take_next();
  void receive();
  bool bytes_wait_in_kernel() const;
  void ask();
  void decided(const policy::Decision& decision);
  void hold(Duration length);
  void end_hold();
  void cut_hold_short();
  void answer(const policy::Decision& decision);
  void prepare_reply(std::string_view action);
  void send_gathered_reply();
  bool send_reply(std::string_view action);
  bool send_rest();
  std::string peer_name() const;

  FileDescriptor socket_;
  Sessions& sessions_;
  std::list<std::shared_ptr<Session>>::iterator place_;  // in Sessions' list
  Entrance entrance_;
  Instant last_used_;  // the last request's arrival
  State state_ = State::waiting;
  bool working_ = false;
  bool unread_in_kernel_ = false;
  bool watching_writes_ = false;
  bool peer_ended_ = false;
  int receives_left_ = 0;  // in this turn
  bool draining_ = false;
  RequestParser parser_;
  policy::Inquiry inquiry_;
  std::string reply_;
  std::size_t sent_ = 0;  // of reply_
  Duration held_{};
  std::optional<Timer> hold_timer_;
  bool awaited_ = false;  // the pipeline will call back
};

}  // namespace mxwarden::server
