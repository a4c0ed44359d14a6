#pragma once
// What a request would be answered now, and why, rule by rule: what ask() would do with it, but nothing is counted or
// remembered, however often it is explained.
//
// The request is taken for the next one of its SMTP session, if the tracker knows that (by client_port, or by
// `instance`), else for the first of a session of its own. By which policy connection it would come is not known: that
// the session before it on that connection would be over is left out of account.
//
// All rules are asked, those too that the deciding one spares in reality. What is over is over whatever the others do;
// only what would be recorded depends on them, and is told as it would be.
// BUGS: a refusal that a cache remembers (store/cached_store.hpp) may be told in the place of that of a rule before it,
// for a minute at most; here the store itself answers.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/engine.hpp"

namespace mxwarden::policy {

// What plan() does, of all rules.
struct Survey {
  Plan asked;               // those that plan() asks; a look
  Plan behind;              // those that it does not, as the last of the others settles it; a look
  std::vector<Step> steps;  // of each rule of the table
};

// One count, as the store would answer it now.
struct ExplainedCount {
  store::Count count;
  store::CountAnswer answer;  // recorded: it would be
};

struct ExplainedRule {
  enum class Says : std::uint8_t {
    answers,       // it has a verdict, which is final
    would_answer,  // it has one that is not: in monitor mode, DUNNO, or another rule decides before it
    counts,        // it was asked, and has nothing against the request
    passes,        // it has nothing to do with it
    not_asked,     // another rule settles it before this one, or it is asked in another policy_context
  };

  std::string_view name;
  conf::Mode mode = conf::Mode::enforce;
  Says says = Says::passes;
  std::string_view why;  // it passes, or is not meant for this policy_context
  bool behind = false;   // another rule decides before it
  std::optional<Verdict> verdict;
  std::vector<ExplainedCount> counts;
  const conf::AccessEntry* access = nullptr;  // that it goes by; lives as long as the engine
};

struct Explained {
  Decision decision;                 // that ask() would lead to, its hold waited for
  Duration held{};                   // so long would the answer be held back
  std::vector<ExplainedRule> rules;  // all, in their order
};

// A request that is being explained. Belongs to who asks; must stay where it is until it is answered.
struct Explanation {
  // Called once; must not throw.
  using Done = std::function<void(const Explained&)>;

  Request request;
  View view;
  Survey survey;
  std::string_view store;                // which one has answered
  std::shared_ptr<const Engine> engine;  // lives as long as what is explained
  Instant deadline{};
  Done done;
};

}  // namespace mxwarden::policy
