#include "policy/recipient_watch.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

struct Rig {
  explicit Rig(const RecipientWatch::Options& options = {}) : watch(options, say, take) {
    auto& guesses = settings.bad_recipient;
    guesses.source = conf::BadRecipientSource::questions;
    guesses.forget = 72h;
    guesses.confirm = 60s;
    watch.configure(settings);
  }

  // What the view says after it, as explained before.
  View see(View view, const std::string& recipient = "") {
    const auto client = Address::parse(client_address).value();
    view.client = client;
    Request request;
    request[Attribute::recipient] = recipient;
    request[Attribute::client_name] = client_name;
    request[Attribute::sasl_username] = login;
    Question question;
    question.request = &request;
    question.view = &view;
    question.client = "client:" + client.to_string();
    question.trusted = trusted;
    const auto now = clock.now();
    auto preview = view;
    watch.preview(question, preview, now);
    watch.see(question, view, now);
    CHECK(preview.suspected == view.suspected);
    CHECK(preview.in_doubt == view.in_doubt);
    return view;
  }
  View accept(const std::string& recipient) {
    View view;
    view.found = true;
    return see(view, recipient);
  }
  View miss(const std::string& recipient, std::uint64_t message = 1) {
    View view;
    view.missed = recipient;
    view.missed_in = message;
    return see(view);
  }
  View deny(std::uint64_t message, const std::string& missed = "") {
    View view;
    view.message = view.missed_in = message;
    view.denies_missed = true;
    view.missed = missed;
    return see(view);
  }
  // The recipients that are told of after it.
  std::vector<std::string> pass(Duration time) {
    batches.clear();
    clock.advance(time);
    watch.tick(clock.now(), clock.wall_now());
    std::vector<std::string> told;
    for (const auto& batch : batches) {
      for (const auto& event : batch.events) told.push_back(event.recipient);
    }
    return told;
  }

  ManualClock clock;
  std::string client_address = "203.0.113.7";
  std::string client_name = "unknown";
  std::string login;
  bool trusted = false;
  bool finishes = true;
  std::vector<std::string> said;
  std::vector<EventBatch> batches;
  std::vector<EventEffects::Done> under_way;
  RecipientWatch::Say say = [this](log::Level, std::string line) { said.push_back(std::move(line)); };
  RecipientWatch::Take take = [this](EventBatch batch, Instant, EventEffects::Done done) {
    batches.push_back(std::move(batch));
    finishes ? done({}) : under_way.push_back(std::move(done));
  };
  conf::Settings settings;
  RecipientWatch watch;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a missed recipient is suspected, and unknown when it is confirmed") {
  Rig rig({.source = "inline:mx1"});
  rig.accept("anna@example.org");
  rig.clock.advance(1s);
  rig.client_name = "host.example";
  CHECK(rig.miss("nosuch@example.org").suspected);
  CHECK(rig.pass(1s).empty());
  rig.accept("anna@example.org");
  CHECK(rig.pass(58s).empty());
  const auto before = rig.clock.wall_now();
  CHECK(rig.pass(1s) == Texts{"nosuch@example.org"});
  REQUIRE(rig.batches.size() == 1);
  const auto& batch = rig.batches[0];
  CHECK(batch.source == "inline:mx1");
  CHECK(batch.told_by == conf::BadRecipientSource::questions);
  REQUIRE(batch.events.size() == 1);
  const auto& event = batch.events[0];
  CHECK(event.kind == EventKind::recipient_unknown);
  CHECK(event.time == before - 59s);
  CHECK(event.client->to_string() == "203.0.113.7");
  CHECK(event.client_name == "host.example");
  CHECK(event.position == batch.seq);
  CHECK(rig.pass(1h).empty());
}

TEST_CASE("nothing is confirmed before another recipient of the domain was accepted, and after an hour never") {
  Rig rig;
  rig.accept("anna@example.org");
  rig.accept("anna@other.example");
  rig.clock.advance(1s);
  rig.miss("nosuch@example.org");
  CHECK(rig.pass(59min).empty());
  rig.accept("anna@other.example");
  CHECK(rig.pass(1s).empty());
  rig.accept("bob@EXAMPLE.org");
  CHECK(rig.pass(1s) == Texts{"nosuch@example.org"});
  rig.miss("nosuch@example.org");
  CHECK(rig.pass(61min).empty());
  rig.accept("anna@example.org");
  CHECK(rig.pass(1s).empty());
}

TEST_CASE("where no recipient of the domain was accepted, that one is missed says nothing") {
  Rig rig;
  CHECK_FALSE(rig.miss("nosuch@example.org").suspected);
  rig.accept("anna@other.example");
  CHECK_FALSE(rig.miss("nosuch@example.org").suspected);
  rig.accept("anna@example.org");
  CHECK(rig.miss("nosuch@example.org").suspected);
}

TEST_CASE("when a recipient that was accepted is missed, nothing counts in its domain, and nobody is put off") {
  Rig rig;
  rig.accept("anna@example.org");
  rig.accept("anna@other.example");
  rig.clock.advance(1s);
  CHECK_FALSE(rig.miss("nosuch@example.org").in_doubt);
  rig.miss("nosuch@other.example");
  const auto missed = rig.miss("Anna@example.org");
  CHECK_FALSE(missed.suspected);
  CHECK(missed.in_doubt);
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said[0].starts_with("bad_recipient: \"Anna@example.org\" was accepted before and is not now;"));
  CHECK(rig.said[0].ends_with("for 2m nothing counts as unknown there"));
  CHECK_FALSE(rig.miss("nosuch2@example.org").suspected);
  CHECK(rig.miss("nosuch2@other.example").suspected);
  rig.clock.advance(1s);
  // It is still away, and told of once.
  CHECK(rig.miss("anna@example.org").in_doubt);
  CHECK(rig.said.size() == 1);
  rig.accept("bob@example.org");
  rig.accept("bob@other.example");
  CHECK(rig.pass(60s) == Texts{"nosuch@other.example", "nosuch2@other.example"});
  rig.clock.advance(59s);
  CHECK(rig.miss("nosuch@example.org").in_doubt);
  rig.clock.advance(1s);
  const auto after = rig.miss("nosuch@example.org");
  CHECK(after.suspected);
  CHECK_FALSE(after.in_doubt);
}

TEST_CASE("one that is missed while others are accepted is gone: it makes no more doubt and is no guess") {
  Rig rig;
  rig.accept("gone@example.org");
  rig.miss("gone@example.org");
  rig.clock.advance(1s);
  rig.accept("anna@example.org");
  rig.clock.advance(3min);
  for (int at = 0; at < 3; ++at) {
    const auto view = rig.miss("gone@example.org");
    CHECK_FALSE(view.suspected);
    CHECK_FALSE(view.in_doubt);
  }
  CHECK(rig.said.size() == 1);
  // It is back, and then away: that is news.
  rig.accept("gone@example.org");
  CHECK(rig.miss("gone@example.org").in_doubt);
  // Nobody knows it any more.
  rig.clock.advance(72h);
  CHECK(rig.miss("gone@example.org").suspected);
}

TEST_CASE("when one that was missed comes back and is accepted, a table was down: nothing counts in its domain") {
  Rig rig;
  rig.accept("anna@example.org");
  rig.accept("carl@example.net");
  rig.clock.advance(1s);
  for (const auto* recipient : {"rare1@example.org", "rare2@example.org", "rare3@example.org", "nosuch@example.net"}) {
    CHECK(rig.miss(recipient).suspected);
  }
  rig.clock.advance(59s);
  rig.accept("rare2@example.org");
  rig.accept("carl@example.net");
  CHECK(rig.pass(1s) == Texts{"nosuch@example.net"});
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said[0].starts_with("bad_recipient: \"rare2@example.org\" was not accepted before and is now;"));
  CHECK(rig.see({}).in_doubt);
  CHECK_FALSE(rig.miss("rare4@example.org").suspected);
  CHECK(rig.pass(1h).empty());
  CHECK(rig.miss("nosuch@example.org").suspected);
}

TEST_CASE("what a message has missed is forgotten when more were accepted than had a post") {
  Rig rig;
  rig.accept("anna@example.org");
  rig.clock.advance(1s);
  rig.miss("permitted1@example.org", 7);
  rig.miss("nosuch@example.org", 8);
  CHECK(rig.deny(7, "permitted2@example.org").in_doubt);
  CHECK(rig.see({}).in_doubt);
  rig.client_address = "203.0.113.8";
  CHECK_FALSE(rig.see({}).in_doubt);
  for (const auto* permitted : {"permitted1@example.org", "permitted2@example.org"}) {
    const auto again = rig.miss(permitted, 9);
    CHECK_FALSE(again.suspected);
    CHECK_FALSE(again.in_doubt);
  }
  rig.clock.advance(1s);
  rig.accept("anna@example.org");
  CHECK(rig.pass(59s) == Texts{"nosuch@example.org"});
  rig.client_address = "203.0.113.7";
  CHECK(rig.see({}).in_doubt);
  rig.clock.advance(60s);
  CHECK_FALSE(rig.see({}).in_doubt);
}

TEST_CASE("trusted and logged-in clients are not suspected, and what they show holds for all") {
  Rig rig;
  rig.trusted = true;
  rig.accept("anna@example.org");
  CHECK_FALSE(rig.miss("nosuch@example.org").suspected);
  rig.trusted = false;
  rig.login = "anna";
  CHECK_FALSE(rig.miss("nosuch@example.org").suspected);
  CHECK(rig.miss("anna@example.org").in_doubt);
}

TEST_CASE("without a post the log says what is missing, once") {
  Rig rig;
  for (int at = 0; at < 99; ++at) rig.miss("u" + std::to_string(at) + "@example.org");
  CHECK(rig.said.empty());
  for (int at = 0; at < 200; ++at) rig.miss("u" + std::to_string(at) + "@example.org");
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said[0].find("about 100 recipients with policy_context=pre and about none with") != std::string::npos);
  Rig wired;
  wired.accept("anna@example.org");
  for (int at = 0; at < 200; ++at) wired.miss("u" + std::to_string(at) + "@elsewhere.example");
  CHECK(wired.said.empty());
}

TEST_CASE("what is confirmed waits for what was handed over before, and positions only grow") {
  Rig rig;
  rig.accept("anna@example.org");
  rig.clock.advance(1s);
  rig.miss("a@example.org");
  rig.clock.advance(1s);
  rig.miss("b@example.org");
  rig.clock.advance(1s);
  rig.accept("anna@example.org");
  rig.finishes = false;
  CHECK(rig.pass(58s) == Texts{"a@example.org"});
  const auto seq = rig.batches[0].seq;
  CHECK(seq >= static_cast<std::uint64_t>(milliseconds_since_1970(rig.clock.wall_now())));
  CHECK(rig.pass(5s).empty());
  rig.under_way.front()(Error{"store away"});
  CHECK(rig.pass(1s) == Texts{"b@example.org"});
  CHECK(rig.batches[0].seq > seq);
}

TEST_CASE("memory has a bound: the recipients accepted last are known, and no more are suspected") {
  Rig rig({.max_recipients = 10, .max_suspected = 3});
  for (int at = 0; at < 100; ++at) rig.accept("user" + std::to_string(at) + "@example.org");
  rig.clock.advance(1s);
  CHECK(rig.miss("user0@example.org").suspected);
  for (int at = 0; at < 5; ++at) CHECK(rig.miss("nosuch" + std::to_string(at) + "@example.org").suspected);
  rig.clock.advance(1s);
  rig.accept("user99@example.org");
  CHECK(rig.pass(59s) == Texts{"user0@example.org", "nosuch0@example.org", "nosuch1@example.org"});
  CHECK(rig.miss("user90@example.org").in_doubt);
}

TEST_CASE("turned off, or told by the log, it sees nothing and forgets what it saw") {
  Rig rig;
  rig.accept("anna@example.org");
  rig.clock.advance(1s);
  rig.miss("nosuch@example.org");
  rig.accept("anna@example.org");
  rig.settings.bad_recipient.source = conf::BadRecipientSource::log;
  rig.watch.configure(rig.settings);
  CHECK_FALSE(rig.miss("nosuch@example.org").suspected);
  rig.settings.bad_recipient.source = conf::BadRecipientSource::questions;
  rig.watch.configure(rig.settings);
  CHECK(rig.pass(60s).empty());
  CHECK_FALSE(rig.miss("nosuch@example.org").suspected);
}

}  // namespace mxwarden::policy
