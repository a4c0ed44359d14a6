#pragma once
// How one request travels, without a socket: tracker, connections, records, plan, store, decide, and after the answer
// what it leads to. A connection, a transcript and a replay all go this way.

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "policy/client_socket.hpp"
#include "policy/connections.hpp"
#include "policy/engine.hpp"
#include "policy/explanation.hpp"
#include "policy/good_records.hpp"
#include "policy/offences.hpp"
#include "policy/recipient_watch.hpp"
#include "policy/tracker.hpp"
#include "store/records.hpp"
#include "store/store.hpp"

namespace mxwarden::policy {

// A request under way. Belongs to the connection it came by; must stay where it is until it is answered.
struct Inquiry {
  // Given with each question; called once.
  using Done = std::function<void(Decision)>;  // must not throw

  Request request;
  View view;
  Plan plan;
  std::string_view store;                // which one has answered
  std::shared_ptr<const Engine> engine;  // the one it was planned with, should a reload come in between; kept after
  std::optional<Hold> hold;              // that it is in
  Done done;
};

class Pipeline {
 public:
  // What a request is told that no rule refuses, while the store cannot say what the rules have asked.
  enum class Unanswered : std::uint8_t { dunno, defer };

  struct Options {
    Unanswered unanswered = Unanswered::dunno;
    ConnectionCounter* connections = nullptr;  // null: rules that go by them have nothing to say
    ClientSockets* sockets = nullptr;          // null: none is at this host
    const store::Records* records = nullptr;   // likewise
    Offences* offences = nullptr;              // is told of attempts; null: nobody is
    GoodRecords* good_records = nullptr;       // is told of whom rules refuse, and keeps rules from them; likewise
    RecipientWatch* recipients = nullptr;      // says which missed recipients are suspected; null: none is
  };

  Pipeline(store::Store& store, Tracker& tracker, std::shared_ptr<const Engine> engine)
      : Pipeline(store, tracker, std::move(engine), Options()) {}
  Pipeline(store::Store& store, Tracker& tracker, std::shared_ptr<const Engine> engine, const Options& options);

  // `done` is called once, possibly before ask() returns and else not before flush(), at now + within at the latest.
  // If the decision has a hold: wait, then resume() or cut_short().
  void ask(Inquiry& inquiry, Instant now, Duration within, Inquiry::Done done);
  // At the end of each turn in which something was asked.
  void flush() { store_.flush(); }
  Decision resume(Inquiry& inquiry, Duration held);
  // In the place of resume(), where nobody can wait any longer: what it would be if nothing came of the wait.
  Decision cut_short(Inquiry& inquiry);

  // What ask() would lead to now, and why; nothing of it is counted or remembered. `done` as that of ask().
  void explain(Explanation& explanation, Instant now, Duration within, Explanation::Done done);

  // Postfix has closed the connection that the inquiry belongs to.
  void closed(const Inquiry& inquiry);

  // A reload: requests under way end with the engine they began with.
  void replace_engine(std::shared_ptr<const Engine> engine);

 private:
  void plan(Inquiry& inquiry, Instant now, Duration within);
  void spare(Question& question) const;
  void answer(Inquiry& inquiry, store::Answers answers);
  // What is to be done after the decision.
  struct Aftermath {
    std::optional<Attempt> attempt;
    std::optional<Meeting> meeting;
    std::shared_ptr<const store::Batch> delivery;  // null: nothing is to be counted
    Instant now{};
  };
  Aftermath aftermath_of(const Inquiry& inquiry, const Decision& decision) const;
  std::shared_ptr<const store::Batch> delivery_of(const Inquiry& inquiry, const Decision& decision) const;
  void settle(const Aftermath& aftermath);
  Decision decision_with(Inquiry& inquiry, store::Answers answers);
  Decision decide(Inquiry& inquiry);
  ClientSocket look(const Inquiry& inquiry) const;
  Decision decided(Inquiry& inquiry, Decision decision);
  Decision decide(const Engine& engine, Plan& plan) const;
  static void take(store::Answers answers, Plan& plan);
  void survey(Explanation& explanation, Instant now) const;
  void look(Explanation& explanation, Plan& plan, void (Pipeline::*then)(Explanation&));
  void look_behind(Explanation& explanation);
  void explained(Explanation& explanation);

  store::Store& store_;
  Tracker& tracker_;
  std::shared_ptr<const Engine> engine_;
  Options options_;
};

}  // namespace mxwarden::policy
