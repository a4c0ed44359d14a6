#pragma once
// Which decisions somebody wants to see. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "policy/decision.hpp"
#include "policy/request.hpp"

namespace mxwarden::policy {

class DecisionFilter {
 public:
  // All that is said must hold. Nothing said: whatever a rule had something to say about.
  struct Wanted {
    std::optional<Prefix> client = {};  // covers it
    std::string rule = {};              // of the verdict or the remark
    std::string action = {};            // the first word of the answer: `421`, `DUNNO`
    std::string state = {};             // protocol_state
    std::string sender = {};            // an address, or a domain behind an @; case does not matter
    std::string recipient = {};
    std::string login = {};
    bool refused = false;  // only what was refused
    bool all = false;      // also what nobody had anything against
  };

  explicit DecisionFilter(const Wanted& wanted);

  // `verdict` is the decision's own or one of its remarks; null: nobody had anything against it.
  bool passes(const Request& request, const Verdict* verdict) const;

 private:
  // A sender, recipient or login in its canonical form.
  struct Mailbox {
    std::string canonical;  // empty: whichever
    bool domain_alone = false;
    bool nobody = false;  // `<>': the empty one, as of a bounce

    explicit Mailbox(std::string_view text);
    bool is(std::string_view value) const;
  };

  bool passes_client(const Request& request) const;

  std::optional<Prefix> client_;
  std::string rule_;
  std::string action_;
  std::string state_;
  Mailbox sender_;
  Mailbox recipient_;
  Mailbox login_;
  bool refused_;
  bool plain_too_;  // a plain DUNNO is not passed over
};

}  // namespace mxwarden::policy
