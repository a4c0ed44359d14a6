#include "policy/pipeline.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

TEST_CASE("what was delivered is counted after the answer, once, to whom it was delivered") {
  std::vector<std::string> events;
  Rule rule;
  rule.name = "delivering";
  rule.counts = false;
  rule.plan = [](const Question& question, store::Counts&) {
    return question.request->state == ProtocolState::rcpt ? Step::judge : Step::pass;
  };
  rule.judge = [](const Question&, store::Answers) { return Rule::Judgement(); };
  rule.deliver = [](const Question& question, std::span<const std::string_view> recipients, store::Counts& counts) {
    for (const auto recipient : recipients) {
      auto& count = counts.add();
      count.entity = question.client + " " + std::string(recipient);
      count.counter = "delivering";
      count.windows = {{60s, store::Window::no_limit}};
    }
  };
  Rule fussy = refusing();
  fussy.plan = [](const Question& question, store::Counts&) {
    return (*question.request)[Attribute::size] == "666" ? Step::judge : Step::pass;
  };

  class NotingStore final : public store::Store {
   public:
    explicit NotingStore(std::vector<std::string>& events) : events_(events) {}
    void execute(const store::Batch& batch, Instant, store::Completion completion) override {
      for (const auto& count : batch.counts) events_.push_back(count.entity);
      completion({});
    }
    void flush() override {}
    void tick(Instant) override {}
    std::string_view name() const override { return "noting"; }

   private:
    std::vector<std::string>& events_;
  };
  NotingStore store(events);
  Tracker tracker{Tracker::Options{}};
  Pipeline pipeline(store, tracker,
                    std::make_shared<Engine>(std::vector{fussy, rule}, conf::Settings::Client{},
                                             std::make_shared<const conf::AccessTable>()));
  Inquiry inquiry;
  const auto ask = [&](ProtocolState state, std::string_view recipient, std::string_view size,
                       std::string_view queue_id = "A1") {
    inquiry.request = {};
    inquiry.request.state = state;
    inquiry.request[Attribute::client_address] = "192.0.2.7";
    inquiry.request[Attribute::client_port] = "1";
    inquiry.request[Attribute::instance] = "1f.65.1.0";
    inquiry.request[Attribute::recipient] = recipient;
    inquiry.request[Attribute::size] = size;
    inquiry.request[Attribute::queue_id] = queue_id;
    pipeline.ask(inquiry, Instant{1h}, 500ms, [&](const Decision& made) { events.push_back(made.action); });
  };

  using Events = std::vector<std::string>;
  ask(ProtocolState::rcpt, "ann@example.org", "0");
  ask(ProtocolState::rcpt, "eve@example.org", "666");
  ask(ProtocolState::rcpt, "bob@example.org", "0");
  CHECK(std::exchange(events, {}) == Events{"DUNNO", "REJECT", "DUNNO"});
  ask(ProtocolState::end_of_message, "", "666");
  CHECK(std::exchange(events, {}) == Events{"REJECT"});
  ask(ProtocolState::end_of_message, "", "1000", "A2");
  CHECK(std::exchange(events, {}) ==
        Events{"DUNNO", "client:192.0.2.7 ann@example.org", "client:192.0.2.7 bob@example.org"});
  ask(ProtocolState::end_of_message, "", "1000", "A2");
  ask(ProtocolState::end_of_message, "", "1000", "A3");
  CHECK(events == Events{"DUNNO", "DUNNO"});
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
