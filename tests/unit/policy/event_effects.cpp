#include "policy/event_effects.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <functional>

#include "store/embedded_store.hpp"
#include "support/memory_records.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;
using store::RecordKind;

const auto client = Address::parse("198.51.100.7").value();

// That acknowledge when the test says so, or cannot.
class SlowRecords final : public tests::MemoryRecords {
 public:
  using MemoryRecords::MemoryRecords;

  void update(RecordKind kind, const Prefix& net, Change change, Updated done) override {
    ++updates;
    MemoryRecords::update(kind, net, std::move(change), [&](const Result<store::RecordBook::Entry>& updated) {
      if (!error.empty()) return done(Error{error});
      if (!later) return done(updated);
      waiting.push_back([done, updated] { done(updated); });
    });
  }
  void finish_all() {
    while (!waiting.empty()) {
      const auto next = std::move(waiting.front());
      waiting.pop_front();
      next();
    }
  }

  int updates = 0;
  bool later = false;
  std::string error;  // it is in force, and not kept; empty: it is kept
  std::deque<std::function<void()>> waiting;
};

struct Rig {
  explicit Rig(const std::vector<conf::Override>& more = {}, const std::string& access = "") {
    std::vector<conf::Override> overrides{{"relay_grant.mode", "enforce"}, {"bad_recipient.source", "log"}};
    overrides.insert(overrides.end(), more.begin(), more.end());
    conf::Report report;
    const auto settings = conf::parse_settings("", "none", overrides, report);
    REQUIRE(report.faults.empty());
    offences.configure(settings,
                       std::make_shared<conf::AccessTable>(conf::AccessTable::parse(access, "access", report)));
    REQUIRE(report.faults.empty());
    good_records.configure(settings);
    effects.configure(settings);
  }

  MailEvent event(EventKind kind, Duration ago = {}) const {
    MailEvent made;
    made.kind = kind;
    made.time = clock.wall_now() - ago;
    made.client = client;
    return made;
  }
  MailEvent login(std::string name, std::string service = "pop3") const {
    auto made = event(EventKind::login_succeeded);
    made.login = std::move(name);
    made.service = std::move(service);
    return made;
  }
  MailEvent listed(std::string reason = "see http://rbl.test/") const {
    auto made = event(EventKind::blocklist_reject);
    made.list = "rbl.test";
    made.reason = std::move(reason);
    return made;
  }
  MailEvent unknown(const std::string& recipient) const {
    auto made = event(EventKind::recipient_unknown);
    made.recipient = recipient;
    return made;
  }

  // Each at a position of its own.
  bool take(std::vector<MailEvent> events, const std::string& source = "mx1:log") {
    for (auto& one : events) one.position = ++position;
    return take_as_they_are(std::move(events), source);
  }
  bool take_as_they_are(std::vector<MailEvent> events, const std::string& source = "mx1:log") {
    taken.reset();
    effects.take({source, position, std::move(events)}, clock.now(),
                 [this](const Result<void>& outcome) { taken = outcome ? std::string() : outcome.error().message; });
    store.flush();
    return taken && taken->empty();
  }

  const store::Grant* grant() const {
    kept_ = records.book().find(RecordKind::grant, client, clock.now());
    return kept_ == nullptr ? nullptr : &std::get<store::Grant>(kept_->what);
  }
  const store::Listing* listing() const {
    kept_ = records.book().find(RecordKind::listing, client, clock.now());
    return kept_ == nullptr ? nullptr : &std::get<store::Listing>(kept_->what);
  }
  store::RecordBook::Entry ban() const { return records.book().find(RecordKind::ban, client, clock.now()); }
  WallTime until(RecordKind kind) const { return records.book().find(kind, client, clock.now())->until; }

  ManualClock clock;
  store::EmbeddedStore store{{}};
  SlowRecords records{clock};
  std::vector<std::string> said;
  std::vector<std::string> warned;
  Offences::Say say = [this](log::Level level, std::string line) {
    (level == log::Level::warn ? warned : said).push_back(std::move(line));
  };
  Offences offences{records, say};
  GoodRecords good_records{store, say};
  TopCounts top{{}, clock.now()};
  EventEffects effects{store, records, offences, say, {.good_records = &good_records, .top = &top}};
  std::uint64_t position = 0;
  std::optional<std::string> taken;  // the error, or none

 private:
  mutable store::RecordBook::Entry kept_;
};

}  // namespace

TEST_CASE("a login grants, a second one refreshes, and another one is kept beside it") {
  Rig rig;
  CHECK(rig.take({rig.login("u1")}));
  rig.clock.advance(10min);
  CHECK(rig.take({rig.login("u1"), rig.login("u2", "imap")}));
  REQUIRE(rig.grant() != nullptr);
  REQUIRE(rig.grant()->logins.size() == 2);
  CHECK(rig.grant()->logins[0].refreshes == 1);
  CHECK(rig.grant()->logins[0].last - rig.grant()->logins[0].first == 10min);
  CHECK(rig.until(RecordKind::grant) == rig.clock.wall_now() + 30min);
  CHECK(rig.said.front() == "grant client=198.51.100.7 login=u1 service=pop3 for=30m");
}

TEST_CASE("no grant comes of what is over, of another service, or for who may have none") {
  struct Row {
    const char* label;
    std::function<void(MailEvent&)> change;
  };
  const Row rows[] = {
      {"half an hour old", [](MailEvent& event) { event.time -= 30min; }},
      {"managesieve", [](MailEvent& event) { event.service = "sieve"; }},
      {"SMTP", [](MailEvent& event) { event.service = "smtp"; }},
      {"failed", [](MailEvent& event) { event.kind = EventKind::login_failed; }},
      {"private", [](MailEvent& event) { event.client = Address::parse("10.1.2.3"); }},
      {"trusted", [](MailEvent& event) { event.client = Address::parse("203.0.113.25"); }},
      {"own", [](MailEvent& event) { event.client = Address::parse("192.0.2.25"); }},
      {"nobody", [](MailEvent& event) { event.client.reset(); }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    Rig rig(std::vector<conf::Override>{{"client.trusted", "203.0.113.25"}});
    rig.offences.set_own_addresses({Address::parse("192.0.2.25").value()});
    auto event = rig.login("u1");
    row.change(event);
    CHECK(rig.take({event}));
    CHECK(rig.records.book().size(RecordKind::grant) == 0);
  }
  Rig off(std::vector<conf::Override>{{"relay_grant.mode", "off"}});
  CHECK(off.take({off.login("u1")}));
  CHECK(off.grant() == nullptr);
}

TEST_CASE("a grant ends at its own line's time and ttl; a time in the future is now") {
  Rig rig;
  auto old = rig.login("u1");
  old.time -= 20min;
  CHECK(rig.take({old}));
  CHECK(rig.until(RecordKind::grant) == rig.clock.wall_now() + 10min);
  auto early = rig.login("u1");
  early.time += 5h;
  CHECK(rig.take({early}));
  CHECK(rig.until(RecordKind::grant) == rig.clock.wall_now() + 30min);
}

TEST_CASE("what is handed over again changes nothing: by its seq, by each record's mark after a restart") {
  Rig rig;
  const auto logins = std::vector{rig.login("u1"), rig.login("u1"), rig.login("u1")};
  CHECK(rig.take(logins));
  CHECK(rig.grant()->logins[0].refreshes == 2);
  const auto updates = rig.records.updates;
  CHECK(rig.take_as_they_are(logins));
  CHECK(rig.records.updates == updates);

  EventEffects restarted(rig.store, rig.records, rig.offences, rig.say);
  conf::Report report;
  restarted.configure(conf::parse_settings("", "none", {{"relay_grant.mode", "enforce"}}, report));
  auto again = logins;
  for (std::size_t at = 0; at < again.size(); ++at) again[at].position = at + 1;
  auto more = again.back();
  more.position = 4;
  again.push_back(more);
  bool kept = false;
  restarted.take({"mx1:log", 4, again}, rig.clock.now(), [&](const Result<void>& outcome) { kept = !!outcome; });
  CHECK(kept);
  CHECK(rig.grant()->logins[0].refreshes == 3);
  restarted.take({"mx2:log", 4, again}, rig.clock.now(), [&](const Result<void>& outcome) { kept = !!outcome; });
  CHECK(rig.grant()->logins[0].refreshes == 7);
}

TEST_CASE("a batch is acknowledged when all that follows is kept, and one source hands over one at a time") {
  Rig rig;
  rig.records.later = true;
  CHECK_FALSE(rig.take({rig.login("u1"), rig.listed()}));
  CHECK_FALSE(rig.taken);
  CHECK_FALSE(rig.take({rig.login("u2")}));
  rig.records.finish_all();
  CHECK(rig.taken == std::string());

  Rig full;
  full.records.error = "no space left on device";
  CHECK_FALSE(full.take({full.login("u1")}));
  CHECK(full.taken == "no space left on device");
  full.records.error.clear();
  const auto updates = full.records.updates;
  auto again = full.login("u1");
  again.position = 1;
  CHECK(full.take_as_they_are({again}));
  CHECK(full.records.updates == updates + 1);  // it is written once more
  CHECK(full.grant()->logins[0].refreshes == 0);
}

TEST_CASE("a DNSBL's reject lists for a day, and not for sure until another session says the same") {
  Rig rig;
  CHECK(rig.take({rig.listed()}));
  REQUIRE(rig.listing() != nullptr);
  CHECK(rig.listing()->list == "rbl.test");
  CHECK(rig.listing()->reason == "see http://rbl.test/");
  CHECK(rig.listing()->hits == 1);
  CHECK(rig.listing()->unconfirmed);
  CHECK(rig.until(RecordKind::listing) == rig.clock.wall_now() + 24h);
  CHECK(rig.said.back() ==
        "offence rule=listing net=198.51.100.7 list=rbl.test attempts=1 period=0s total=1 action=list for=1d "
        R"(reason="see http://rbl.test/")");
  rig.clock.advance(1h);
  auto same_session = rig.listed();
  same_session.again = true;
  CHECK(rig.take({same_session}));
  CHECK(rig.listing()->hits == 1);
  CHECK(rig.take({rig.listed()}));
  CHECK(rig.listing()->hits == 2);
  CHECK_FALSE(rig.listing()->unconfirmed);
  CHECK(rig.until(RecordKind::listing) == rig.clock.wall_now() + 24h);
}

TEST_CASE("rejects of who is listed are attempts: two within 30 seconds ban") {
  Rig rig;
  CHECK(rig.take({rig.listed()}));
  CHECK(rig.ban() == nullptr);
  rig.clock.advance(10s);
  CHECK(rig.take({rig.listed()}));
  REQUIRE(rig.ban() != nullptr);
  CHECK(rig.ban()->until == rig.clock.wall_now() + 30min);
  CHECK(std::get<store::Ban>(rig.ban()->what).rule == "repeat_offender");

  Rig at_once;
  CHECK(at_once.take({at_once.listed(), at_once.listed()}));
  CHECK(at_once.listing()->hits == 2);
  CHECK(at_once.ban() != nullptr);
}

TEST_CASE("a ban that was noted and not made is made when the same is handed over again") {
  Rig rig;
  CHECK(rig.take({rig.listed(), rig.listed()}));
  const auto until = rig.ban()->until;
  rig.records.book().erase(RecordKind::ban, Prefix(client, 32));
  EventEffects restarted(rig.store, rig.records, rig.offences, rig.say);
  conf::Report report;
  restarted.configure(conf::parse_settings("", "none", {}, report));
  auto events = std::vector{rig.listed(), rig.listed()};
  events[0].position = 1;
  events[1].position = 2;
  bool kept = false;
  restarted.take({"mx1:log", 2, events}, rig.clock.now(), [&](const Result<void>& outcome) { kept = !!outcome; });
  CHECK(kept);
  CHECK(rig.listing()->hits == 2);
  REQUIRE(rig.ban() != nullptr);
  CHECK(rig.ban()->until == until);
}

TEST_CASE("a log of last week lists and bans nobody") {
  Rig rig;
  auto events = std::vector{rig.listed(), rig.listed(), rig.unknown("a@x")};
  for (auto& event : events) event.time -= 24h * 7;
  CHECK(rig.take(events));
  CHECK(rig.records.book().size(RecordKind::listing) == 0);
  CHECK(rig.records.book().size(RecordKind::ban) == 0);
}

TEST_CASE("forged names and traps list at once, with a reason of their own, for as long as our own findings last") {
  struct Row {
    EventKind kind;
    const char* reason;
  };
  const Row rows[] = {
      {EventKind::helo_forged, "You greeted us with a name that is not yours."},
      {EventKind::sender_forged, "You used a sender address that is not yours."},
      {EventKind::spam_trap, "You wrote to an address that only spammers know."},
  };
  for (const auto& row : rows) {
    CAPTURE(row.reason);
    Rig rig;
    CHECK(rig.take({rig.event(row.kind)}));
    REQUIRE(rig.listing() != nullptr);
    CHECK(rig.listing()->reason == row.reason);
    CHECK(rig.listing()->list == to_string(row.kind));
    CHECK_FALSE(rig.listing()->unconfirmed);
    CHECK(rig.until(RecordKind::listing) == rig.clock.wall_now() + 24h * 90);
  }
}

TEST_CASE("who is trusted, never to be banned, our own or allowed is not listed, and the log says why") {
  struct Row {
    const char* label;
    std::vector<conf::Override> overrides;
    const char* access;
    const char* why;  // nullptr: nothing is said of who is trusted
  };
  const Row rows[] = {
      {"trusted", {{"client.trusted", "198.51.100.0/24"}}, "", nullptr},
      {"never_ban", {{"client.never_ban", "198.51.100.7"}}, "", R"(why="198.51.100.7 is in never_ban")"},
      {"allowed", {}, "Connect:198.51.100 OK", R"(why="the access table has Connect:198.51.100 OK in line 1")"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    Rig rig(row.overrides, row.access);
    CHECK(rig.take({rig.listed()}));
    CHECK(rig.listing() == nullptr);
    REQUIRE(rig.said.size() == (row.why == nullptr ? 0 : 1));
    if (row.why != nullptr) CHECK(rig.said.front().find(row.why) != std::string::npos);
  }
}

TEST_CASE("an operator's words stay on a listing that is hit") {
  Rig rig;
  store::Listing own{.list = "ours", .reason = "by hand", .client_name = ""};
  own.by_operator = true;
  rig.records.put({Prefix(client, 32), rig.clock.wall_now() + 1h, own}, [](const Result<void>&) {});
  CHECK(rig.take({rig.listed()}));
  CHECK(rig.listing()->list == "ours");
  CHECK(rig.listing()->hits == 1);
  CHECK(rig.until(RecordKind::listing) == rig.clock.wall_now() + 1h);
}

TEST_CASE("a DNSBL's error is no listing") {
  const char* errors[] = {"Error: open resolver; https://check.spamhaus.org/returnc/pub/192.0.2.53/", "127.255.255.254",
                          "https://check.spamhaus.org/returnc/pub/192.0.2.53",
                          "Query Refused. See http://uribl.com/refused.shtml", "error: excessive number of queries"};
  for (const auto* error : errors) {
    CAPTURE(error);
    Rig rig;
    CHECK(rig.take({rig.listed(error)}));
    CHECK(rig.listing() == nullptr);
  }
}

TEST_CASE("a DNSBL that lists nearly all who come is not learnt from until it no longer does") {
  Rig rig;
  const auto come = [&](int from, int to, bool hit) {
    std::vector<MailEvent> events;
    for (int at = from; at < to; ++at) {
      auto event = rig.event(EventKind::connect);
      event.client = Address::parse("203.0.113." + std::to_string(at));
      events.push_back(event);
      if (!hit) continue;
      event.kind = EventKind::blocklist_reject;
      event.list = "dead.test";
      events.push_back(event);
    }
    CHECK(rig.take(events));
  };
  come(0, 49, true);
  rig.effects.tick(rig.clock.now());
  CHECK(rig.warned.empty());
  come(49, 60, true);
  CHECK(rig.records.book().size(RecordKind::listing) == 49);  // nobody is listed in the second until it is noticed
  rig.effects.tick(rig.clock.now());
  REQUIRE(rig.warned.size() == 1);
  CHECK(rig.warned[0].starts_with("alert rule=listing list=dead.test it lists 60 of 60 clients"));
  const auto learnt = rig.records.book().size(RecordKind::listing);
  come(60, 70, true);
  CHECK(rig.records.book().size(RecordKind::listing) == learnt);
  come(100, 120, false);
  rig.effects.tick(rig.clock.now());
  CHECK(rig.warned.back() == "alert rule=listing list=dead.test it is learnt from again");
  come(70, 71, true);
  CHECK(rig.records.book().size(RecordKind::listing) == learnt + 1);
}

TEST_CASE("a DNSBL that lists those with a good record is not learnt from") {
  Rig rig;
  for (int at = 0; at < 10; ++at) {
    rig.good_records.met({.client = "client:203.0.113." + std::to_string(at), .refused_by = {}, .messages = 3},
                         rig.clock.now());
  }
  std::vector<MailEvent> events;
  for (int at = 0; at < 6; ++at) {
    events.push_back(rig.listed());
    events.back().client = Address::parse("203.0.113." + std::to_string(at));
  }
  CHECK(rig.take(events));
  rig.good_records.tick(rig.clock.now());
  REQUIRE(rig.warned.size() == 1);
  CHECK(rig.warned[0].starts_with("alert rule=dnsbl:rbl.test refuses 6 of 10 clients with a good record"));
  CHECK(rig.take({rig.listed()}));
  CHECK(rig.listing() == nullptr);
}

TEST_CASE("more than five distinct unknown recipients list and ban") {
  Rig rig;
  for (int at = 0; at < 5; ++at) CHECK(rig.take({rig.unknown("u" + std::to_string(at) + "@example.org")}));
  CHECK(rig.take({rig.unknown("U4@Example.ORG."), rig.unknown("u4@example.org")}));
  CHECK(rig.listing() == nullptr);
  CHECK(rig.take({rig.unknown("u5@example.org"), rig.unknown("u6@example.org"), rig.unknown("u7@example.org")}));
  REQUIRE(rig.listing() != nullptr);
  CHECK(rig.listing()->reason == "You tried 6 unknown recipients of 6 within 3d.");
  CHECK(rig.listing()->hits == 1);
  CHECK(rig.until(RecordKind::listing) == rig.clock.wall_now() + 24h * 97);
  REQUIRE(rig.ban() != nullptr);
  CHECK(rig.ban()->until == rig.clock.wall_now() + 24h * 7);
  CHECK(std::get<store::Ban>(rig.ban()->what).rule == "bad_recipient");
  const auto list = rig.top.list(TopBy::bad_recipients, 1h, 10, rig.clock.now(), rig.clock.wall_now());
  REQUIRE(list.entries.size() == 1);
  CHECK(list.entries[0].count == 10);
}

TEST_CASE("a list server with stale addresses among good ones is no guesser") {
  Rig rig;
  for (int at = 0; at < 30; ++at) {
    auto accepted = rig.event(EventKind::recipient_accepted);
    accepted.recipient = "good" + std::to_string(at) + "@example.org";
    CHECK(rig.take({accepted}));
  }
  for (int at = 0; at < 30; ++at) CHECK(rig.take({rig.unknown("stale" + std::to_string(at) + "@example.org")}));
  CHECK(rig.listing() == nullptr);
  CHECK(rig.take({rig.unknown("one-too-many@example.org")}));
  CHECK(rig.listing() != nullptr);
}

TEST_CASE("a rate counts what came just now, not what is read late") {
  const std::vector<conf::Override> overrides{{"bad_recipient.rate", "1/30s"}};
  Rig rig(overrides);
  CHECK(rig.take({rig.unknown("a@x"), rig.unknown("a@x")}));
  REQUIRE(rig.ban() != nullptr);
  CHECK(std::get<store::Ban>(rig.ban()->what).reason == "You tried more than 1 unknown recipients within 30s.");
  Rig late(overrides);
  auto events = std::vector{late.unknown("a@x"), late.unknown("a@x")};
  for (auto& event : events) event.time -= 1min;
  CHECK(late.take(events));
  CHECK(late.ban() == nullptr);
}

TEST_CASE("what was not kept is not acknowledged when it comes again, and counts no recipient twice") {
  Rig rig(std::vector<conf::Override>{{"bad_recipient.rate", "9/30s"}});
  std::vector<MailEvent> events;
  for (int at = 0; at < 8; ++at) {
    events.push_back(rig.unknown("u" + std::to_string(at) + "@x"));
    events.back().position = ++rig.position;
  }
  rig.records.error = "the disk is full";
  for (int at = 0; at < 4; ++at) {
    CHECK_FALSE(rig.take_as_they_are(events));
    CHECK(rig.taken == "the disk is full");
  }
  CHECK(rig.ban() != nullptr);  // in force all the same
  rig.records.error.clear();
  const auto updates = rig.records.updates;
  CHECK(rig.take_as_they_are(events));
  CHECK(rig.records.updates == updates + 2);
  CHECK(std::get<store::Ban>(rig.ban()->what).reason.find("6 unknown recipients") != std::string::npos);
  const auto list = rig.top.list(TopBy::bad_recipients, 1h, 10, rig.clock.now(), rig.clock.wall_now());
  CHECK(list.entries[0].count == 8);
}

TEST_CASE("with as many listings as may be no rule makes another") {
  Rig rig(std::vector<conf::Override>{{"guard.max_listings", "2"}});
  std::vector<MailEvent> events;
  for (int at = 0; at < 3; ++at) {
    events.push_back(rig.event(EventKind::spam_trap));
    events.back().client = Address::parse("203.0.113." + std::to_string(at));
  }
  CHECK(rig.take(events));
  CHECK(rig.records.book().size(RecordKind::listing) == 2);
  CHECK(rig.take({events[0]}));
  CHECK(rig.records.book().find(RecordKind::ban, *events[0].client, rig.clock.now()) != nullptr);
}

TEST_CASE("a line that is read long after later ones is a hit of long ago") {
  Rig rig;
  CHECK(rig.take({rig.event(EventKind::spam_trap)}));
  const auto before = *rig.listing();
  auto old = rig.event(EventKind::spam_trap, 24h * 40);
  CHECK(rig.take({old}));
  CHECK(rig.listing()->hits == 2);
  CHECK(rig.listing()->last == before.last);
  CHECK(rig.listing()->hits_in_period == 1);
  CHECK(rig.ban() == nullptr);
}

TEST_CASE("our own refusals do not prolong what a DNSBL has said") {
  Rig rig;
  CHECK(rig.take({rig.listed()}));
  const auto until = rig.until(RecordKind::listing);
  rig.clock.advance(2h);
  rig.offences.attempted({.listing = rig.records.book().find(RecordKind::listing, client, rig.clock.now()),
                          .client_name = "",
                          .at = std::chrono::floor<std::chrono::milliseconds>(rig.clock.wall_now()),
                          .now = rig.clock.now()});
  CHECK(rig.listing()->hits == 2);
  CHECK(rig.until(RecordKind::listing) == until);
}

TEST_CASE("in monitor mode, from another source, or off, who guesses is not listed") {
  for (const auto& override_ :
       {conf::Override{"bad_recipient.mode", "monitor"}, conf::Override{"bad_recipient.mode", "off"},
        conf::Override{"bad_recipient.source", "inline"}}) {
    CAPTURE(override_.first + "=" + override_.second);
    Rig rig(std::vector<conf::Override>{override_});
    for (int at = 0; at < 6; ++at) CHECK(rig.take({rig.unknown("u" + std::to_string(at) + "@x")}));
    CHECK(rig.listing() == nullptr);
    if (override_.second != "monitor") continue;
    REQUIRE(rig.said.size() == 1);
    CHECK(rig.said[0] ==
          "offence rule=bad_recipient net=198.51.100.7 action=none would=ban "
          R"(why="6 unknown recipients of 6 within 3d" mode=monitor)");
  }
}

TEST_CASE("what questions show counts where they are the source, and is ranked in the place of what a log tells") {
  Rig rig({{"bad_recipient.source", "inline"}, {"bad_recipient.rate", "1/30s"}, {"bad_recipient.distinct", "9"}});
  const auto ask = [&](const std::string& recipient, Duration ago) {
    auto event = rig.unknown(recipient);
    event.time -= std::chrono::duration_cast<WallTime::duration>(ago);
    EventBatch batch{.source = "inline:mx1", .seq = ++rig.position, .events = {event}};
    batch.told_by = conf::BadRecipientSource::questions;
    bool is_kept = false;
    rig.effects.take(std::move(batch), rig.clock.now(), [&](const Result<void>& done) { is_kept = done.has_value(); });
    rig.store.flush();
    CHECK(is_kept);
  };
  const auto ranked = [&] {
    const auto list = rig.top.list(TopBy::bad_recipients, 1h, 10, rig.clock.now(), rig.clock.wall_now());
    return list.entries.empty() ? 0 : list.entries[0].count;
  };
  CHECK(rig.take({rig.unknown("a@x"), rig.unknown("b@x")}));
  CHECK(ranked() == 2);
  ask("a@x", 60s);
  CHECK(ranked() == 3);
  CHECK(rig.take({rig.unknown("b@x")}));
  CHECK(ranked() == 3);
  CHECK(rig.listing() == nullptr);
  // It took its time to be confirmed, but not this long: that says nothing of how fast they came.
  ask("c@x", 75s);
  CHECK(rig.listing() == nullptr);
  ask("d@x", 61s);
  REQUIRE(rig.listing() != nullptr);
  CHECK(rig.listing()->reason == "You tried more than 1 unknown recipients within 30s.");
}

TEST_CASE("what leads to nothing is told in a line that a person can read") {
  Rig rig;
  auto denied = rig.event(EventKind::relay_denied);
  denied.sender = "a@sender.example";
  denied.recipient = "x y@elsewhere.example";
  CHECK(rig.take({denied, rig.event(EventKind::connect), rig.event(EventKind::disconnect)}));
  CHECK(rig.said == std::vector<std::string>{R"(event name=relay_denied client=198.51.100.7 sender=a@sender.example )"
                                             R"(recipient="x y@elsewhere.example")"});
}

}  // namespace mxwarden::policy
