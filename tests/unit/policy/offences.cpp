#include "policy/offences.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "support/memory_records.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;
using store::RecordKind;

// That are changed when the test says so, or cannot be.
class LateRecords final : public tests::MemoryRecords {
 public:
  using MemoryRecords::MemoryRecords;

  void update(RecordKind kind, const Prefix& net, Change change, Updated done) override {
    if (!error.empty()) return done(Error{error});
    if (!later) return MemoryRecords::update(kind, net, std::move(change), std::move(done));
    waiting_.push_back([this, kind, net, change = std::move(change), done = std::move(done)] {
      MemoryRecords::update(kind, net, change, done);
    });
  }
  // And what is asked meanwhile.
  void finish_all() {
    while (!waiting_.empty()) {
      const auto next = std::move(waiting_.front());
      waiting_.pop_front();
      next();
    }
  }

  bool later = false;
  std::string error;  // empty: all goes well

 private:
  std::deque<std::function<void()>> waiting_;
};

// A listed client, and what is said of it.
struct Rig {
  explicit Rig(const std::vector<conf::Override>& overrides = {}) {
    configure(overrides);
    put(Prefix::parse("198.51.100.7").value());
  }

  void configure(const std::vector<conf::Override>& overrides) {
    conf::Report report;
    const auto settings = conf::parse_settings("", "none", overrides, report);
    REQUIRE(report.faults.empty());
    offences.configure(settings, std::make_shared<conf::AccessTable>());
  }

  void put(const Prefix& net) {
    store::Listing listing;
    listing.list = "bl.example";
    listing.first = listing.last = listing.period_began = clock.wall_now();
    records.put({net, clock.wall_now() + 24h * 90, listing}, [](const Result<void>&) {});
  }

  void attempt(const Prefix& net = Prefix::parse("198.51.100.7").value()) {
    offences.attempted({.listing = records.book().find_net(RecordKind::listing, net, clock.now()),
                        .client_name = "host.example",
                        .at = std::chrono::floor<std::chrono::milliseconds>(clock.wall_now()),
                        .now = clock.now()});
  }

  store::RecordBook::Entry ban() const {
    return records.book().find(RecordKind::ban, Address::parse("198.51.100.7").value(), clock.now());
  }

  ManualClock clock;
  LateRecords records{clock};
  std::vector<std::string> said;
  std::vector<std::string> warned;
  Offences offences{records, [this](log::Level level, std::string line) {
                      (level == log::Level::warn ? warned : said).push_back(std::move(line));
                    }};
};

}  // namespace

TEST_CASE("a second attempt bans, and the log says whom, why and for how long") {
  Rig rig;
  rig.attempt();
  CHECK(rig.said.empty());
  CHECK(rig.ban() == nullptr);
  rig.clock.advance(12s);
  rig.attempt();
  REQUIRE(rig.ban() != nullptr);
  CHECK(rig.ban()->until == rig.clock.wall_now() + 30min);
  CHECK(std::get<store::Ban>(rig.ban()->what) == store::Ban{.rule = "repeat_offender",
                                                            .reason = "2 attempts in 12s; listed by bl.example",
                                                            .offences = 1,
                                                            .made = rig.clock.wall_now()});
  CHECK(rig.said ==
        std::vector<std::string>{
            "offence rule=repeat_offender net=198.51.100.7 name=host.example list=bl.example attempts=2 period=12s "
            "total=2 action=ban for=30m bans=1 mode=enforce"});
}

TEST_CASE("in monitor mode attempts are counted and the ban is only told") {
  Rig rig(std::vector<conf::Override>{{"repeat_offender.mode", "monitor"}});
  rig.attempt();
  rig.attempt();
  CHECK(rig.ban() == nullptr);
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said[0].ends_with("total=2 action=none would=ban for=30m mode=monitor"));
}

TEST_CASE("off, nothing is counted") {
  Rig rig(std::vector<conf::Override>{{"repeat_offender.mode", "off"}});
  for (int at = 0; at < 100; ++at) rig.attempt();
  const auto listing =
      rig.records.book().find_net(RecordKind::listing, Prefix::parse("198.51.100.7").value(), rig.clock.now());
  CHECK(std::get<store::Listing>(listing->what).hits == 0);
  CHECK(rig.said.empty());
}

TEST_CASE("what a guard protects is not banned, and the log says why") {
  Rig rig(std::vector<conf::Override>{{"client.never_ban", "198.51.100.0/24"}});
  rig.attempt();
  rig.attempt();
  CHECK(rig.ban() == nullptr);
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said[0].ends_with(R"(action=none would=ban for=30m why="198.51.100.0/24 is in never_ban" mode=enforce)"));
  rig.configure({});
  rig.offences.set_own_addresses({Address::parse("198.51.100.7").value()});
  rig.attempt();
  CHECK(rig.ban() == nullptr);
  rig.offences.set_own_addresses({});
  rig.attempt();
  CHECK(rig.ban() != nullptr);
}

TEST_CASE("no more bans than a minute may have are made; the next minute goes on") {
  Rig rig(std::vector<conf::Override>{{"guard.bans_per_minute", "2"}});
  for (const auto* net : {"203.0.113.1", "203.0.113.2", "203.0.113.3"}) {
    rig.put(Prefix::parse(net).value());
    rig.attempt(Prefix::parse(net).value());
    rig.attempt(Prefix::parse(net).value());
  }
  CHECK(rig.records.book().size(RecordKind::ban) == 2);
  CHECK(rig.said.back().find("2 bans within a minute are as many as [guard] bans_per_minute allows") !=
        std::string::npos);
  rig.clock.advance(60s);
  rig.attempt();
  rig.attempt();
  CHECK(rig.ban() != nullptr);
}

TEST_CASE("the operator is told once of a client that has become a nuisance") {
  Rig rig(std::vector<conf::Override>{{"repeat_offender.rate", "off"}});
  for (int at = 0; at < 40; ++at) {
    rig.attempt();
    rig.clock.advance(10s);
  }
  REQUIRE(rig.warned.size() == 1);
  CHECK(rig.warned[0].starts_with("alert rule=repeat_offender net=198.51.100.7 name=host.example list=bl.example"));
  CHECK(rig.warned[0].ends_with("total=25"));
}

TEST_CASE("an operator's ban stays as it is, and a lifted listing is not made anew") {
  Rig rig;
  const auto net = Prefix::parse("198.51.100.7").value();
  rig.records.put({net, rig.clock.wall_now() + 1min, store::Ban{"operator", "", 1}}, [](const Result<void>&) {});
  rig.attempt();
  rig.attempt();
  CHECK(std::get<store::Ban>(rig.ban()->what).by_operator());
  const auto listing = rig.records.book().find_net(RecordKind::listing, net, rig.clock.now());
  rig.records.erase(RecordKind::listing, net, [](const auto&) {});
  rig.offences.attempted({.listing = listing, .client_name = "", .at = {}, .now = rig.clock.now()});
  CHECK(rig.records.book().size(RecordKind::listing) == 0);
}

TEST_CASE("a ban that was lifted is not made again by one attempt that earns none") {
  Rig rig;
  rig.attempt();
  rig.attempt();
  rig.records.erase(RecordKind::ban, Prefix::parse("198.51.100.7").value(), [](const auto&) {});
  rig.clock.advance(1min);
  rig.attempt();
  CHECK(rig.ban() == nullptr);
}

TEST_CASE("a burst of sessions is banned once, takes one of the budget, and does not miss its alert") {
  Rig rig(std::vector<conf::Override>{{"guard.bans_per_minute", "2"}});
  rig.records.later = true;
  for (int session = 0; session < 110; ++session) rig.attempt();
  rig.records.finish_all();
  REQUIRE(rig.ban() != nullptr);
  CHECK(rig.ban()->until == rig.clock.wall_now() + 24h * 7);  // more than fifty in all, by then
  CHECK(std::get<store::Ban>(rig.ban()->what).offences == 1);
  CHECK(rig.said.size() == 1);
  CHECK(rig.warned.size() == 1);
  rig.records.later = false;
  rig.put(Prefix::parse("203.0.113.1").value());
  rig.attempt(Prefix::parse("203.0.113.1").value());
  rig.attempt(Prefix::parse("203.0.113.1").value());
  CHECK(rig.records.book().size(RecordKind::ban) == 2);
}

TEST_CASE("guards are asked of whatever a burst earns") {
  Rig rig(std::vector<conf::Override>{{"client.never_ban", "198.51.100.7"}, {"guard.bans_per_minute", "0"}});
  rig.records.later = true;
  for (int session = 0; session < 10; ++session) rig.attempt();
  rig.records.finish_all();
  CHECK(rig.ban() == nullptr);
  CHECK(rig.said.size() == 9);
}

TEST_CASE("while records cannot be written nothing is noted and nobody is banned") {
  Rig rig;
  rig.records.error = "store away";
  for (int session = 0; session < 10; ++session) rig.attempt();
  CHECK(rig.ban() == nullptr);
  CHECK(rig.said.empty());
  rig.records.error.clear();
  rig.attempt();
  CHECK(rig.ban() == nullptr);
  rig.attempt();
  CHECK(rig.ban() != nullptr);
}

TEST_CASE("who is allowed by the name that he was known by is not banned when his name is not known") {
  Rig rig;
  conf::Report report;
  rig.offences.configure(
      conf::parse_settings("", "none", {}, report),
      std::make_shared<conf::AccessTable>(conf::AccessTable::parse("Connect:host.example OK\n", "access", report)));
  rig.attempt();
  rig.attempt();
  CHECK(rig.ban() == nullptr);
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said[0].find("the access table has Connect:host.example OK in line 1") != std::string::npos);
}

}  // namespace mxwarden::policy
