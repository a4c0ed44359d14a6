#pragma once
// The table of rules and its order: first final verdict wins.
//
// An Engine is what an administrator configured, in force as a whole; immutable, replaced at a reload. put(), plan()
// and decide() are pure.

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "conf/access_table.hpp"
#include "conf/settings.hpp"
#include "policy/decision.hpp"
#include "policy/rule.hpp"
#include "store/records.hpp"

namespace mxwarden::policy {

// The state of one request between plan and decide. Kept and used again by its connection, so that a request costs no
// allocations once it is warm. The request and view it was planned for must stay until decided.
struct Plan {
  Question question;
  store::Batch batch;
  std::vector<store::CountAnswer> answers;
  bool answered = true;  // false: the store could not say; the answers are those of one that has seen nothing

  struct Asked {
    std::uint32_t rule;   // index into the table
    std::uint32_t begin;  // its counts in the batch
    std::uint32_t end;
  };
  std::vector<Asked> asked;
};

struct Survey;
struct ExplainedRule;

class Engine {
 public:
  Engine(const conf::Settings& settings, const std::shared_ptr<const conf::AccessTable>& access);
  // For tests: rules of one's own.
  Engine(std::vector<Rule> rules, const conf::Settings::Client& client,
         std::shared_ptr<const conf::AccessTable> access);

  // First: who asks, and what the access table says of him. With `records`, what is remembered of him.
  void put(const Request& request, const View& view, const store::Records* records, Instant now, Plan& plan) const;
  // A rule wants View::connections before plan().
  bool counts_connections() const;
  // What they are held against; 0: nothing, for this request.
  std::uint64_t connection_limit(Plan& plan) const;
  void plan(Instant now, Plan& plan) const;
  // After plan.answers was filled. Runs again after a Hold, with plan.question.held grown.
  Decision decide(Plan& plan) const;
  // How many messages of the client have come through, as [client] good_record counts them, if this was to be one; else
  // 0.
  std::uint64_t good_messages(const Plan& plan) const;
  // Some rule counts what was delivered.
  bool counts_deliveries() const { return counts_deliveries_; }
  // What they count of a message to these recipients, which was let pass at its end.
  void deliver(const Plan& plan, std::span<const std::string_view> recipients, store::Counts& counts) const;
  // What is to be remembered of a decision that was answered.
  Settled settle(const Plan& plan, const Decision& decision) const;

  // In the place of plan() and decide(), to explain what they do: see policy/explanation.hpp. Of `asked` put() has made
  // the question.
  void survey(Instant now, Survey& survey) const;
  std::vector<ExplainedRule> explain(Survey& survey) const;

  const std::vector<Rule>& rules() const { return rules_; }

 private:
  RuleMask bit_of(std::size_t rule) const { return bits_[rule]; }
  Step ask(std::size_t rule, Plan& plan) const;
  ExplainedRule explain(std::size_t rule, Survey& survey, bool decided) const;
  static bool is_relay(const Request& request);
  static bool is_final(const Verdict& verdict);

  std::vector<Rule> rules_;
  std::vector<RuleMask> bits_;      // of each; 0: it counts nothing
  std::size_t by_connections_ = 0;  // the rule that goes by them; behind the last: none
  bool counts_messages_ = false;    // the last rule is good_record
  bool awaits_post_ = false;        // a rule goes by recipients whose `post` does not come
  bool counts_deliveries_ = false;
  RuleMask listing_bit_ = 0;  // of the listing rule; 0: there is none
  conf::Settings::Client client_;
  std::shared_ptr<const conf::AccessTable> access_;
};

}  // namespace mxwarden::policy
