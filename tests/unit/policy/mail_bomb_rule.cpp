#include "policy/mail_bomb_rule.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "store/embedded_store.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

conf::Settings::MailBomb settings_of(std::uint64_t messages, std::uint64_t bytes) {
  return {.mode = conf::Mode::enforce,
          .bytes = bytes,
          .messages = messages,
          .window = 24h,
          .when = {},
          .action = conf::Action::parse("450 4.7.1 Enough").value()};
}

// A client that writes to one mailbox, as the rule sees it.
struct Visit {
  Visit() {
    request.state = ProtocolState::rcpt;
    request[Attribute::sender] = "ann@sender.example";
    request[Attribute::recipient] = "bob@example.org";
    view.new_recipient = true;
    question.request = &request;
    question.view = &view;
    question.client = "client:192.0.2.7";
  }

  std::vector<store::CountAnswer> ask(store::EmbeddedStore& store, const store::Counts& counts, Instant now) const {
    store::Batch batch;
    batch.now = now;
    for (const auto& count : counts) batch.counts.add() = count;
    std::vector<store::CountAnswer> told;
    store.execute(batch, now, [&](store::Answers answers) { told.assign(answers.begin(), answers.end()); });
    store.flush();
    return told;
  }

  Request request;
  View view;
  Question question;
};

Step plan_of(const Rule& rule, const Visit& visit) {
  store::Counts counts;
  const auto step = rule.plan(visit.question, counts);
  CHECK(counts.size() == (step.kind == Step::pass ? 0 : 2));
  return step;
}

}  // namespace

TEST_CASE("whom it does not concern costs no count") {
  const auto rule = make_mail_bomb_rule(settings_of(1, 65'536));
  CHECK(plan_of(rule, Visit()).kind == Step::judge);

  struct Row {
    std::string_view label;
    void (*change)(Visit&);
    std::string_view why;
  };
  for (const auto& row : {
           Row{"trusted", [](Visit& visit) { visit.question.trusted = true; }, why::trusted},
           Row{"logged in", [](Visit& visit) { visit.request[Attribute::sasl_username] = "joe"; }, why::logged_in},
           Row{"unknown", [](Visit& visit) { visit.question.client.clear(); }, why::unknown_client},
           Row{"asked again", [](Visit& visit) { visit.view.new_recipient = false; }, why::let_pass_already},
       }) {
    CAPTURE(row.label);
    Visit visit;
    row.change(visit);
    const auto step = plan_of(rule, visit);
    CHECK(step.kind == Step::pass);
    CHECK(step.why == row.why);
  }
  Visit visit;
  visit.request.state = ProtocolState::end_of_message;
  CHECK(plan_of(rule, visit).kind == Step::pass);
}

TEST_CASE("what is looked at is what was counted, for the smallest limits and the largest") {
  for (const auto& [messages, bytes] : {std::pair<std::uint64_t, std::uint64_t>(1, 65'536), {10'000, 1ULL << 40U}}) {
    CAPTURE(messages);
    const auto rule = make_mail_bomb_rule(settings_of(messages, bytes));
    store::EmbeddedStore store({});
    Visit visit;
    store::Counts looks;
    REQUIRE(rule.plan(visit.question, looks).kind == Step::judge);
    const std::string_view recipients[] = {"bob@example.org"};
    const auto size = std::to_string(bytes / messages);
    visit.request[Attribute::size] = size;
    for (std::uint64_t sent = 0; sent <= messages; ++sent) {
      // As long as there is room.
      if (sent % 1000 == 0 || sent == messages) {
        const auto judgement = rule.judge(visit.question, visit.ask(store, looks, Instant{1h}));
        CHECK(std::holds_alternative<std::monostate>(judgement));
      }
      store::Counts counts;
      rule.deliver(visit.question, recipients, counts);
      visit.ask(store, counts, Instant{1h});
    }
    visit.request[Attribute::size] = bytes == 65'536 ? "1" : "1000000000";
    store::Counts counts;
    rule.deliver(visit.question, recipients, counts);
    visit.ask(store, counts, Instant{1h});
    const auto judgement = rule.judge(visit.question, visit.ask(store, looks, Instant{1h}));
    REQUIRE(std::holds_alternative<Verdict>(judgement));
    const auto& verdict = std::get<Verdict>(judgement);
    CHECK(verdict.action == "450 4.7.1 Enough [mxw:mail_bomb]");
    REQUIRE(verdict.cause);
    CHECK(verdict.cause->count == messages + 2);
    CHECK(verdict.cause->limit == messages);
    CHECK(verdict.cause->retry_after == 25h);
    CHECK(std::holds_alternative<std::monostate>(rule.judge(visit.question, visit.ask(store, looks, Instant{26h}))));
  }
}

TEST_CASE("of a message to very many the first hundred are counted") {
  const auto rule = make_mail_bomb_rule(settings_of(1, 65'536));
  const std::vector<std::string_view> recipients(150, "bob@example.org");
  store::Counts counts;
  rule.deliver(Visit().question, recipients, counts);
  CHECK(counts.size() == 200);
}

}  // namespace mxwarden::policy
