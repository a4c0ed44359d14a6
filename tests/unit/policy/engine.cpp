#include "policy/engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "policy/pipeline.hpp"
#include "store/embedded_store.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

Rule refusing(const std::string& name, conf::Mode mode = conf::Mode::enforce, Step step = Step::judge) {
  return {name, mode, [step](const Question&, store::Counts&) { return step; },
          [name, mode](const Question&, store::Answers) -> Rule::Judgement {
            Verdict verdict;
            verdict.rule = name == "first" ? "first" : "second";
            verdict.mode = mode;
            verdict.action = "450 4.7.1 " + name;
            verdict.refuses = true;
            return verdict;
          }};
}

Rule counting(const std::string& name, std::uint64_t limit, conf::Mode mode = conf::Mode::enforce) {
  return {name, mode,
          [=](const Question& question, store::Counts& counts) {
            auto& count = counts.add();
            count.entity = question.client;
            count.counter = name;
            count.windows = {{60s, limit}};
            count.binding = mode == conf::Mode::enforce;
            return Step::judge;
          },
          [=](const Question&, store::Answers answers) -> Rule::Judgement {
            REQUIRE(answers.size() == 1);
            if (!answers[0].over) return {};
            Verdict verdict;
            verdict.rule = "counting";
            verdict.mode = mode;
            verdict.action = "421 4.7.0 " + name;
            verdict.refuses = true;
            verdict.cause = Cause{answers[0].count, limit, 60s, answers[0].retry_after};
            return verdict;
          }};
}

class Bench {
 public:
  explicit Bench(std::vector<Rule> rules)
      : pipeline_(store_, tracker_,
                  std::make_shared<Engine>(std::move(rules), conf::Settings::Client{},
                                           std::make_shared<const conf::AccessTable>())) {}

  Decision ask(std::string_view port = "1", std::string_view context = "") {
    inquiry.request = {};
    inquiry.request.state = ProtocolState::connect;
    inquiry.request[Attribute::client_address] = "192.0.2.7";
    inquiry.request[Attribute::client_port] = port;
    inquiry.request[Attribute::policy_context] = context;
    std::optional<Decision> decision;
    pipeline_.ask(inquiry, Instant{1h}, 500ms, [&](Decision made) { decision = std::move(made); });
    pipeline_.flush();
    REQUIRE(decision);
    return *decision;
  }
  // As of that request, now.
  Explained explain(std::string_view port = "1") {
    Explanation explanation;
    explanation.request.state = ProtocolState::connect;
    explanation.request[Attribute::client_address] = "192.0.2.7";
    explanation.request[Attribute::client_port] = port;
    std::optional<Explained> result;
    pipeline_.explain(explanation, Instant{1h}, 500ms, [&](const Explained& explained) { result = explained; });
    pipeline_.flush();
    REQUIRE(result);
    return *result;
  }
  Decision resume(Duration held) { return pipeline_.resume(inquiry, held); }

  Inquiry inquiry;

 private:
  store::EmbeddedStore store_{{.max_entries = 1000}};
  Tracker tracker_{Tracker::Options{}};
  Pipeline pipeline_;
};

}  // namespace

TEST_CASE("the first rule that has something against it wins") {
  Bench bench({refusing("first"), refusing("second")});
  CHECK(bench.ask().action == "450 4.7.1 first");
}

TEST_CASE("without rules, or with none that minds, the answer is DUNNO") {
  Bench none({});
  CHECK(none.ask().action == "DUNNO");
  Bench patient({counting("many", 100)});
  const auto decision = patient.ask();
  CHECK(decision.action == "DUNNO");
  CHECK_FALSE(decision.verdict);
}

TEST_CASE("a rule in monitor mode remarks what it would have answered and the next one decides") {
  Bench bench({refusing("first", conf::Mode::monitor), refusing("second")});
  const auto decision = bench.ask();
  CHECK(decision.action == "450 4.7.1 second");
  REQUIRE(decision.remarks.size() == 1);
  CHECK(decision.remarks[0].rule == "first");
}

TEST_CASE("behind a rule that has settled it nothing is counted") {
  Bench bench({refusing("first", conf::Mode::enforce, Step::settled), counting("behind", 1)});
  bench.ask();
  CHECK(bench.inquiry.plan.batch.counts.empty());
}

TEST_CASE("in context relay only rules that are meant for it speak, and they nowhere else") {
  auto for_relay = refusing("second");
  for_relay.for_relay = true;
  Bench bench({refusing("first"), for_relay});
  CHECK(bench.ask("1", "relay").action == "450 4.7.1 second");
  CHECK(bench.ask("1", "post").action == "450 4.7.1 first");
  Bench without({refusing("first")});
  CHECK(without.ask("1", "relay").action == "DUNNO");
}

TEST_CASE("rules that count nothing take none of the tracker's bits") {
  std::vector<Rule> rules(most_counting_rules, counting("many", 100));
  auto silent = refusing("first", conf::Mode::monitor);
  silent.counts = false;
  rules.insert(rules.begin(), 10, silent);
  Bench bench(rules);
  CHECK(bench.ask().remarks.size() == 10);
  rules.push_back(counting("one more", 100));
  CHECK_THROWS_AS(Bench{rules}, std::logic_error);
}

TEST_CASE("all rules, and as many limits of one's own as are allowed, have a bit each") {
  std::string text = "[relay_grant]\nmode = enforce\n[login_messages]\nlimit = 1\n";
  for (int at = 0; at < 50; ++at) {
    text += "[limit l" + std::to_string(at) + "]\nkey = sender\ncount = messages\nwindow = 1h\nlimit = 5\n";
  }
  conf::Report report;
  const auto settings = conf::parse_settings(text, "m.conf", {}, report);
  REQUIRE(report.faults.empty());
  const Engine engine(settings, std::make_shared<const conf::AccessTable>());
  CHECK(std::ranges::count_if(engine.rules(), &Rule::counts) <= static_cast<std::ptrdiff_t>(most_counting_rules));
  CHECK(engine.rules().size() > 60);
}

TEST_CASE("a rule may hold the answer back and decide when the time is over") {
  const Rule patient{"patient", conf::Mode::enforce, [](const Question&, store::Counts&) { return Step::judge; },
                     [](const Question& question, store::Answers) -> Rule::Judgement {
                       if (question.held < 700ms) return Hold{700ms};
                       return {};
                     }};
  Bench bench({patient, refusing("second")});
  const auto explained = bench.explain();
  CHECK(explained.held == 700ms);
  CHECK(explained.decision.action == "450 4.7.1 second");
  CHECK(explained.rules[0].says == ExplainedRule::Says::counts);
  const auto first = bench.ask();
  REQUIRE(first.hold);
  CHECK(first.hold->length == 700ms);
  const auto second = bench.resume(700ms);
  CHECK_FALSE(second.hold);
  CHECK(second.action == "450 4.7.1 second");
}

TEST_CASE("a rule that has counted a connection is told so, whatever the others did") {
  RuleMask seen = 0;
  auto watching = counting("watching", 5);
  watching.plan = [&seen, plan = watching.plan](const Question& question, store::Counts& counts) {
    seen = question.view->connection_counted_by & question.bit;
    return plan(question, counts);
  };
  Bench bench({counting("other", 1), watching});
  bench.ask("1");
  CHECK(seen == 0);
  bench.ask("1");
  CHECK(seen != 0);
  bench.ask("2");
  CHECK(seen == 0);
}

}  // namespace mxwarden::policy
