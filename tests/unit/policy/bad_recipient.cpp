#include "policy/bad_recipient.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "policy/bad_recipient_rule.hpp"
#include "policy/engine.hpp"
#include "store/embedded_store.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

const std::string client = "client:203.0.113.7";

struct Rig {
  Rig() {
    settings.distinct = 2;
    settings.share = 50;
    settings.forget = 72h;
    settings.confirm = 60s;
    settings.action = conf::Action::parse("450 4.7.1 no").value();
  }

  std::vector<store::CountAnswer> ask(store::Counts counts) {
    const store::Batch batch{.now = now, .counts = std::move(counts)};
    std::vector<store::CountAnswer> result;
    store.execute(batch, now + 1s, [&](store::Answers answers) { result.assign(answers.begin(), answers.end()); });
    store.flush();
    return result;
  }
  std::optional<Cause> suspect(const std::string& recipient) {
    store::Counts counts;
    count_suspected_recipient(counts, client, recipient, "asked@example.org", settings);
    return judge_suspected_recipient(ask(std::move(counts)), settings);
  }
  std::optional<Cause> look() { return suspect(""); }
  void accept(const std::string& recipient) {
    store::Counts counts;
    count_accepted_recipient(counts, client, recipient, settings);
    ask(std::move(counts));
  }
  void know_unknown(const std::string& recipient) {
    store::Counts counts;
    count_unknown_recipient(counts, client, recipient, true, settings);
    ask(std::move(counts));
  }

  Instant now{1h};
  conf::Settings::BadRecipient settings;
  store::EmbeddedStore store{{}};
};

}  // namespace

TEST_CASE("more distinct suspected recipients than may be are too many, for a while") {
  Rig rig;
  CHECK_FALSE(rig.suspect("a@example.org"));
  CHECK_FALSE(rig.suspect("b@example.org"));
  CHECK_FALSE(rig.suspect("B@EXAMPLE.org"));
  CHECK_FALSE(rig.look());
  const auto cause = rig.suspect("c@example.org");
  REQUIRE(cause);
  CHECK(cause->count == 3);
  CHECK(cause->limit == 2);
  CHECK(cause->window == 60s);
  CHECK(rig.look());
  rig.now += 66s;
  CHECK_FALSE(rig.look());
}

TEST_CASE("recipients that were accepted weigh against those that are suspected or unknown") {
  Rig rig;
  for (const auto* accepted : {"u1@example.org", "u2@example.org", "u3@example.org"}) rig.accept(accepted);
  for (const auto* suspected : {"a@example.org", "b@example.org", "c@example.org"}) CHECK_FALSE(rig.suspect(suspected));
  CHECK(rig.suspect("d@example.org"));
}

TEST_CASE("those that have come to count put the client off as long as they do") {
  Rig rig;
  for (const auto* unknown : {"a@example.org", "b@example.org", "c@example.org"}) rig.know_unknown(unknown);
  rig.now += 71h;
  const auto cause = rig.look();
  REQUIRE(cause);
  CHECK(cause->count == 3);
  CHECK(cause->window == 72h);
  rig.now += 8h;
  CHECK_FALSE(rig.look());
}

TEST_CASE("too many tries are too many, of the same recipient too, where a rate is set") {
  Rig rig;
  rig.settings.rate = {.count = 2, .within = 30s};
  CHECK_FALSE(rig.suspect("a@example.org"));
  CHECK_FALSE(rig.suspect("a@example.org"));
  CHECK_FALSE(rig.look());
  const auto cause = rig.suspect("a@example.org");
  REQUIRE(cause);
  CHECK(cause->count == 3);
  CHECK(cause->limit == 2);
  CHECK(cause->window == 30s);
  // Who is put off tries nothing that is missed, and stays put off.
  CHECK(rig.look());
  rig.now += 33s;
  CHECK_FALSE(rig.look());
}

TEST_CASE("a store that cannot say puts nobody off") {
  Rig rig;
  CHECK_FALSE(judge_suspected_recipient({}, rig.settings));
}

TEST_CASE("a rule that a guard keeps from a client with a good record only says what it would have answered") {
  Rig rig;
  const Engine engine({make_bad_recipient_rule(rig.settings)}, {}, std::make_shared<conf::AccessTable>());
  const RuleNames spared{"bad_recipient"};
  for (const bool is_spared : {false, true}) {
    Request request;
    request.state = ProtocolState::rcpt;
    request[Attribute::client_address] = "203.0.113.7";
    request[Attribute::recipient] = "d@example.org";
    request[Attribute::policy_context] = "pre";
    View view;
    view.client = Address::parse("203.0.113.7");
    view.new_recipient = true;
    Plan plan;
    engine.put(request, view, nullptr, rig.now, plan);
    if (is_spared) plan.question.spared = &spared;
    engine.plan(rig.now, plan);
    REQUIRE(plan.batch.counts.size() == 3);
    plan.answers.assign(3, {.count = 0, .window = 0, .over = false, .recorded = false, .retry_after = {}});
    plan.answers[0].count = 3;
    const auto decision = engine.decide(plan);
    CHECK(decision.action == (is_spared ? "DUNNO" : "450 4.7.1 no [mxw:bad_recipient]"));
    CHECK(decision.remarks.size() == (is_spared ? 1 : 0));
    // Only of who was told DUNNO a `post' is to come.
    CHECK(engine.settle(plan, decision).awaits_post == (is_spared ? "d@example.org" : ""));
  }
}

}  // namespace mxwarden::policy
