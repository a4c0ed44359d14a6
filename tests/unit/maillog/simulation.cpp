#include "maillog/once/simulation.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace mxwarden::maillog {
namespace {

using namespace std::chrono_literals;
using policy::EventKind;
using policy::MailEvent;
using store::RecordKind;

// Years ago.
constexpr WallTime noon = std::chrono::sys_days(std::chrono::year(2019) / 3 / 1) + 12h;

conf::Configuration configuration(std::string_view text) {
  conf::Report report;
  conf::Configuration configuration{.settings = conf::parse_settings(text, "text", {}, report),
                                    .access = std::make_shared<conf::AccessTable>()};
  REQUIRE(report.faults.empty());
  return configuration;
}

// A log whose positions grow.
class Log {
 public:
  MailEvent login(WallTime at) { return event(EventKind::login_succeeded, at); }

  MailEvent rejected(WallTime at) { return event(EventKind::blocklist_reject, at); }

  MailEvent event(EventKind kind, WallTime at) {
    MailEvent event;
    event.kind = kind;
    event.time = at;
    event.position = position_ += 100;
    event.client = Address::parse("198.51.100.7");
    event.service = "imap";
    event.login = "anna";
    event.list = "bl.example";
    event.reason = "Listed";
    return event;
  }

 private:
  std::uint64_t position_ = 0;
};

constexpr std::string_view grants_on = "[relay_grant]\nmode = enforce\nttl = 30m\n";

bool first_begins(const std::vector<std::string>& follows, std::string_view text) {
  return !follows.empty() && follows.front().starts_with(text);
}

}  // namespace

TEST_CASE("a login of years ago is granted as it was then") {
  Simulation simulation(configuration(grants_on));
  Log log;
  CHECK(first_begins(simulation.take(log.login(noon)), "grant client=198.51.100.7 login=anna"));
  CHECK(simulation.made(RecordKind::grant).fresh == 1);
}

TEST_CASE("a record that is over by the next event is made anew, one that is in force is renewed") {
  Simulation simulation(configuration(grants_on));
  Log log;
  simulation.take(log.login(noon));
  simulation.take(log.login(noon + 29min));
  CHECK(simulation.made(RecordKind::grant).fresh == 1);
  CHECK(simulation.made(RecordKind::grant).renewed == 1);
  simulation.take(log.login(noon + 2h));
  CHECK(simulation.made(RecordKind::grant).fresh == 2);
}

TEST_CASE("the settings decide what follows") {
  Simulation simulation(configuration("[relay_grant]\nmode = off\n[listing]\nmode = off\n"));
  Log log;
  CHECK(simulation.take(log.login(noon)).empty());
  CHECK(simulation.take(log.rejected(noon)).empty());
  CHECK(simulation.made(RecordKind::listing).fresh == 0);
}

TEST_CASE("who is listed and comes again is banned") {
  Simulation simulation(configuration("[repeat_offender]\nrate = 1/30s\n"));
  Log log;
  CHECK(first_begins(simulation.take(log.rejected(noon)), "offence rule=listing net=198.51.100.7"));
  CHECK(first_begins(simulation.take(log.rejected(noon + 10s)), "offence rule=repeat_offender net=198.51.100.7"));
  CHECK(simulation.made(RecordKind::listing).fresh == 1);
  CHECK(simulation.made(RecordKind::ban).fresh == 1);
}

TEST_CASE("an older log behind a newer one is judged by its own time") {
  Simulation simulation(configuration(grants_on));
  Log log;
  simulation.take(log.login(noon));
  auto other = log.login(noon - 24h);
  other.client = Address::parse("198.51.100.8");
  CHECK(first_begins(simulation.take(other), "grant client=198.51.100.8"));
}

TEST_CASE("what an event itself says does not follow from it") {
  Simulation simulation(configuration(""));
  Log log;
  CHECK(simulation.take(log.event(EventKind::relay_denied, noon)).empty());
}

TEST_CASE("times that no log has do no harm") {
  Simulation simulation(configuration(grants_on));
  Log log;
  for (const auto time : {WallTime::min(), WallTime::max(), noon}) {
    simulation.take(log.login(time));
    simulation.take(log.rejected(time));
  }
  CHECK(simulation.made(RecordKind::listing).fresh >= 1);
}

}  // namespace mxwarden::maillog
