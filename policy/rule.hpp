#pragma once
// A rule: two pure functions and a row in the table of rules. It never waits, reads no clock and holds no state.

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "conf/access_table.hpp"
#include "policy/decision.hpp"
#include "policy/known.hpp"
#include "policy/request.hpp"
#include "policy/tracker.hpp"
#include "store/store.hpp"

namespace mxwarden::policy {

using RuleNames = std::set<std::string, std::less<>>;

// One request, with what every rule may want to know of it.
struct Question {
  const Request* request = nullptr;
  const View* view = nullptr;
  std::string client;                 // the client as an entity: its address, cut; empty when unknown
  bool trusted = false;               // [client] trusted covers it
  conf::AccessMatch access;           // what the access table says of it
  Known known;                        // what is remembered of it
  const RuleNames* spared = nullptr;  // rules that a guard keeps from it; null: none
  RuleMask bit = 0;                   // of the rule that is being asked
  Duration held{};                    // how long the answer was held back so far
  ClientSocket socket{};              // what it showed, before that or after

  // The Connect entry that covers it, or null.
  const conf::AccessEntry* connect() const { return access[conf::AccessTag::connect]; }
  // It says OK: no automatic rule concerns this client.
  bool exempt() const { return connect() != nullptr && connect()->ok; }
  // Trusted, or logged in: rules about strangers are not meant for it.
  bool is_ours() const { return trusted || request->logged_in(); }
  // Which of the two.
  std::string_view why_ours() const;
};

// What a rule will do with a request.
struct Step {
  enum Kind : std::uint8_t {
    pass,     // nothing to do with this request: judge() is not called
    judge,    // judge() will see the answers
    settled,  // as judge, and its verdict will be final whatever the store says: later rules need not ask
  };

  constexpr Step(Kind step, std::string_view reason = {}) : kind(step), why(reason) {}

  Kind kind;
  std::string_view why;  // it passes: a literal, for people
};

constexpr Step pass(std::string_view why) {
  return {Step::pass, why};
}

// Why several rules have nothing to do with a request.
namespace why {
inline constexpr std::string_view trusted = "the client is trusted";
inline constexpr std::string_view logged_in = "the client has logged in";
inline constexpr std::string_view exempt = "a Connect entry says OK";
inline constexpr std::string_view unknown_client = "the client's address is not known";
inline constexpr std::string_view counted_in_connection = "counted already in this connection";
inline constexpr std::string_view no_limit = "there is no limit";
inline constexpr std::string_view too_early = "its action has no effect before MAIL";
inline constexpr std::string_view let_pass_already = "this recipient was let pass already";
inline constexpr std::string_view left_out = "its `when' leaves this request out";
}  // namespace why

struct Rule {
  std::string name;  // as in `rule=` and `[mxw:NAME]`
  conf::Mode mode = conf::Mode::enforce;
  // Adds what it needs to know and to count; judge() gets the answers to just these.
  std::function<Step(const Question&, store::Counts&)> plan;
  // Nothing: the rule has nothing against it.
  using Judgement = std::variant<std::monostate, Verdict, Hold>;
  std::function<Judgement(const Question&, store::Answers)> judge;
  // Of a rule that goes by View::connections: the limit they are held against for this request; 0: none. Asked before
  // plan().
  std::function<std::uint64_t(const Question&)> limits_connections = {};
  // Of a rule that counts what was delivered. Asked once a message, when its END-OF-MESSAGE was let pass, with those of
  // its recipients about which plan() had something to ask; adds what is to be counted, after the decision.
  std::function<void(const Question&, std::span<const std::string_view>, store::Counts&)> deliver = {};
  bool counts = true;      // false: nothing that is to count once, and it takes none of the tracker's bits
  bool for_relay = false;  // asked where policy_context is `relay`, and only there
  // Whose entries of the access table it goes by.
  std::optional<conf::AccessTag> access = {};
};

// What a rule of that name and mode answers with this action.
Verdict make_verdict(std::string_view rule, conf::Mode mode, const conf::Action& action, const Question& question);
// The same, because of a record of the client.
Verdict make_verdict(std::string_view rule, conf::Mode mode, const conf::Action& action, const Question& question,
                     const store::RecordBook::Entry& record);

// From a rule that a guard keeps from this client, a refusal is only told of.
void spare(Verdict& verdict, const Question& question);

// DISCARD and HOLD before MAIL: Postfix passes over them, with smtpd_delay_reject=no.
bool is_too_early(const conf::Action& action, const Request& request);

}  // namespace mxwarden::policy
