#include "policy/pipeline.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

// Never knows anything.
class SilentStore final : public store::Store {
 public:
  void execute(const store::Batch&, Instant, store::Completion completion) override { asked_ = std::move(completion); }
  void flush() override {
    if (asked_) std::exchange(asked_, nullptr)({});
  }
  void tick(Instant) override {}
  std::string_view name() const override { return "silent"; }

 private:
  store::Completion asked_;
};

Rule counting(bool binding) {
  Rule rule;
  rule.name = "counting";
  rule.plan = [binding](const Question& question, store::Counts& counts) {
    auto& count = counts.add();
    count.entity = question.client;
    count.counter = "counting";
    count.windows = {{60s, 1}};
    count.binding = binding;
    return Step::judge;
  };
  rule.judge = [](const Question&, store::Answers answers) -> Rule::Judgement {
    REQUIRE(answers.size() == 1);
    CHECK_FALSE(answers[0].over);
    return {};
  };
  return rule;
}

Rule refusing() {
  Rule rule;
  rule.name = "refusing";
  rule.plan = [](const Question&, store::Counts&) { return Step::judge; };
  rule.judge = [](const Question&, store::Answers) -> Rule::Judgement {
    Verdict verdict;
    verdict.rule = "refusing";
    verdict.action = "REJECT";
    verdict.refuses = true;
    return verdict;
  };
  return rule;
}

Decision decide_without_store(Pipeline::Unanswered unanswered, std::vector<Rule> rules) {
  SilentStore store;
  Tracker tracker{Tracker::Options{}};
  Pipeline pipeline(
      store, tracker,
      std::make_shared<Engine>(std::move(rules), conf::Settings::Client{}, std::make_shared<const conf::AccessTable>()),
      Pipeline::Options{.unanswered = unanswered});
  Inquiry inquiry;
  inquiry.request.state = ProtocolState::connect;
  inquiry.request[Attribute::client_address] = "192.0.2.7";
  Explanation explanation;
  explanation.request = inquiry.request;
  std::optional<Decision> explained;
  pipeline.explain(explanation, Instant{1h}, 500ms, [&](const Explained& told) { explained = told.decision; });
  pipeline.flush();
  std::optional<Decision> decision;
  pipeline.ask(inquiry, Instant{1h}, 500ms, [&](Decision made) { decision = std::move(made); });
  pipeline.flush();
  REQUIRE(decision);
  CHECK(decision->store == "none");
  REQUIRE(explained);
  CHECK(explained->store == "none");
  CHECK(explained->action == decision->action);
  return *decision;
}

}  // namespace

TEST_CASE("what the store cannot say is let pass, or put off where a rule might have refused") {
  using Unanswered = Pipeline::Unanswered;
  CHECK(decide_without_store(Unanswered::dunno, {counting(true)}).action == "DUNNO");
  const auto put_off = decide_without_store(Unanswered::defer, {counting(true)});
  CHECK(put_off.action == "DEFER_IF_PERMIT 4.3.0 Try again later [mxw:store]");
  REQUIRE(put_off.verdict);
  CHECK(put_off.verdict->rule == "store");
  CHECK(decide_without_store(Unanswered::defer, {counting(false)}).action == "DUNNO");
}

TEST_CASE("a rule that needs no store speaks without one") {
  CHECK(decide_without_store(Pipeline::Unanswered::defer, {counting(true), refusing()}).action == "REJECT");
}

TEST_CASE("that a store is away is not held against any rule") {
  SilentStore store;
  Tracker tracker{Tracker::Options{}};
  GoodRecords good_records(store, [](log::Level, const std::string& line) { FAIL(line); });
  conf::Settings settings;
  settings.client.good_record = {1, 1h};
  settings.guard.good_record_share = 1;
  good_records.configure(settings);
  Pipeline pipeline(store, tracker,
                    std::make_shared<Engine>(std::vector{counting(true)}, conf::Settings::Client{},
                                             std::make_shared<const conf::AccessTable>()),
                    Pipeline::Options{.unanswered = Pipeline::Unanswered::defer, .good_records = &good_records});
  for (const auto* client : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"}) {
    good_records.met({.client = std::string("client:") + client, .refused_by = {}, .messages = 1}, Instant{1h});
    Inquiry inquiry;
    inquiry.request.state = ProtocolState::connect;
    inquiry.request[Attribute::client_address] = client;
    std::string action;
    pipeline.ask(inquiry, Instant{1h}, 500ms, [&](const Decision& made) { action = made.action; });
    pipeline.flush();
    CHECK(action.starts_with("DEFER_IF_PERMIT"));
  }
  good_records.tick(Instant{1h});
  CHECK(good_records.spared().empty());
}

}  // namespace mxwarden::policy
