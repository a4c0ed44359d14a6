#include "maillog/delivery.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

using namespace mxwarden;
using namespace mxwarden::maillog;
using namespace std::chrono_literals;

namespace json = boost::json;

namespace {

policy::MailEvent login(std::uint64_t position, std::string name = "ann") {
  policy::MailEvent event;
  event.kind = policy::EventKind::login_succeeded;
  event.position = position;
  event.login = std::move(name);
  return event;
}

struct Rig {
  explicit Rig(bool may_drop = false)
      : delivery("mx:log:1", 0, {.may_drop = may_drop, .seed = 1},
                 [this](log::Level, std::string line) { said.push_back(std::move(line)); }) {}

  // Each line an event.
  void lines(std::uint64_t first, std::uint64_t last) {
    for (auto position = first; position <= last; ++position) line(position);
  }
  void line(std::uint64_t position) {
    const auto event = login(position);
    delivery.take(position, &event, false);
  }
  void other_line(std::uint64_t position, bool unknown = false) { delivery.take(position, nullptr, unknown); }

  // The positions of the next batch, and then its seq. Nothing: there is none.
  std::vector<std::uint64_t> send() {
    const auto request = delivery.next(now);
    if (!request) return {};
    CHECK(request->size() < 60 * 1024);
    batch = json::parse(*request).as_object();
    CHECK(batch.at("op") == "event");
    CHECK(batch.at("source") == "mx:log:1");
    std::vector<std::uint64_t> positions;
    for (const auto& event : batch.at("events").as_array()) {
      positions.push_back(event.at("position").to_number<std::uint64_t>());
    }
    positions.push_back(batch.at("seq").to_number<std::uint64_t>());
    return positions;
  }
  void ok() { delivery.answered(R"({"ok":true,"seq":1})", now); }
  void error(std::string_view sentence) {
    delivery.answered(json::serialize(json::object{{"ok", false}, {"error", sentence}}), now);
  }

  Instant now{1h};
  std::vector<std::string> said;
  Delivery delivery;
  json::object batch;
};

using Positions = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("an event goes out at once, and those that come meanwhile go together") {
  Rig rig;
  rig.line(10);
  CHECK(rig.send() == Positions{10, 10});
  rig.line(20);
  rig.line(30);
  CHECK(rig.send().empty());
  CHECK(rig.delivery.acknowledged() == 0);
  rig.ok();
  CHECK(rig.delivery.acknowledged() == 10);
  CHECK(rig.send() == Positions{20, 30, 30});
  rig.ok();
  CHECK(rig.delivery.acknowledged() == 30);
  CHECK(rig.delivery.idle());
  CHECK(rig.send().empty());
}

TEST_CASE("lines without an event move the position where nothing before them waits") {
  Rig rig;
  rig.other_line(5);
  CHECK(rig.delivery.acknowledged() == 5);
  rig.line(10);
  rig.other_line(15);
  CHECK(rig.delivery.acknowledged() == 5);
  CHECK(rig.send() == Positions{10, 15});
  rig.other_line(25);
  rig.ok();
  CHECK(rig.delivery.acknowledged() == 25);
}

TEST_CASE("a batch has 500 events at most, and then covers its own alone") {
  Rig rig;
  rig.lines(1, 600);
  rig.other_line(700);
  const auto first = rig.send();
  CHECK(first.size() == 501);
  CHECK(first.back() == 500);
  rig.ok();
  CHECK(rig.delivery.acknowledged() == 500);
  const auto second = rig.send();
  CHECK(second.size() == 101);
  CHECK(second.back() == 700);
}

TEST_CASE("a batch fits into a line of the control socket, however long the events are") {
  Rig rig;
  auto event = login(1, std::string(2000, '\\'));
  event.reason = event.sender = event.recipient = event.helo = event.client_name = std::string(2000, '"');
  for (std::uint64_t position = 1; position <= 400; ++position) {
    event.position = position;
    rig.delivery.take(position, &event, false);
  }
  std::size_t batches = 0;
  for (; !rig.delivery.idle(); ++batches) {
    REQUIRE(rig.send().size() > 3);
    rig.ok();
  }
  CHECK(batches > 10);
  CHECK(rig.delivery.counts().delivered == 400);
}

TEST_CASE("what has no good answer comes again after a while, with what came meanwhile, and is said once each way") {
  Rig rig;
  rig.line(10);
  rig.send();
  rig.delivery.lost("no connection", rig.now);
  rig.line(20);
  CHECK(rig.send().empty());
  REQUIRE(rig.delivery.due());
  CHECK(*rig.delivery.due() - rig.now <= 100ms);
  rig.now = *rig.delivery.due();
  CHECK(rig.send() == Positions{10, 20, 20});
  rig.error("the records cannot be written");
  rig.now = *rig.delivery.due();
  CHECK(rig.send() == Positions{10, 20, 20});
  rig.delivery.answered("no json", rig.now);
  rig.now += 60s;
  rig.send();
  CHECK(rig.said.size() == 1);
  CHECK(rig.said.back() ==
        "mxwardend does not take what the log says: no connection; it is tried again, 1 events wait");
  rig.ok();
  REQUIRE(rig.said.size() == 2);
  CHECK(rig.said.back().find("again, after 60.") != std::string::npos);
  CHECK(rig.said.back().find("2 events waited, 0 were dropped") != std::string::npos);
  CHECK(rig.delivery.acknowledged() == 20);
}

TEST_CASE("where no event waits none is spoken of") {
  Rig rig;
  rig.other_line(1);
  REQUIRE(rig.delivery.next(rig.now));
  rig.delivery.lost("no connection", rig.now);
  CHECK(rig.said.back() == "mxwardend does not take what the log says: no connection; it is tried again");
  rig.now += 10s;
  REQUIRE(rig.delivery.next(rig.now));
  rig.ok();
  CHECK(rig.said.back() == "mxwardend takes what the log says again, after 10.0 s");
}

TEST_CASE("where the user may hand over no events, it is said which one may") {
  Rig rig;
  rig.line(10);
  REQUIRE(!rig.send().empty());
  rig.error("`event' is not for the user that asks (uid 901); [server] firewall_user names it");
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said.back().find("names it; run mxwarden-maillog as the user that [server] maillog_user names; it is "
                             "tried again") != std::string::npos);
}

TEST_CASE("tries come ever later, five seconds apart at most, and soon again once one was answered") {
  Rig rig;
  rig.line(10);
  Duration longest{};
  for (int count = 0; count < 20; ++count) {
    REQUIRE(!rig.send().empty());
    rig.delivery.lost("no connection", rig.now);
    longest = *rig.delivery.due() - rig.now;
    rig.now = *rig.delivery.due();
  }
  CHECK(longest >= 2500ms);
  CHECK(longest <= 5s);
  rig.send();
  rig.ok();
  rig.line(20);
  rig.send();
  rig.delivery.lost("no connection", rig.now);
  CHECK(*rig.delivery.due() - rig.now <= 100ms);
}

TEST_CASE("an event that mxwardend says is wrong is dropped with an error, and the others come at once") {
  Rig rig;
  rig.lines(1, 3);
  rig.send();
  rig.error("event 2: `login' is to be a text");
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said.back().find("\"position\":2") != std::string::npos);
  CHECK(rig.send() == Positions{1, 3, 3});
  SUBCASE("an answer that is fatal drops what it is about, which is all") {
    rig.delivery.answered(R"({"ok":false,"error":"never","fatal":true})", rig.now);
    CHECK(rig.delivery.idle());
    CHECK(rig.delivery.acknowledged() == 3);
    CHECK(rig.delivery.counts().wrong == 3);
  }
  SUBCASE("a number of no event drops all, as they would never be taken") {
    rig.error("event 9: what?");
    CHECK(rig.delivery.counts().wrong == 3);
  }
  SUBCASE("an error that only begins alike is one for a while") {
    rig.error("event numbers are odd");
    CHECK(rig.delivery.counts().wrong == 1);
    CHECK(!rig.delivery.idle());
  }
}

TEST_CASE("what can be read again is full, and never dropped") {
  Rig rig;
  rig.lines(1, Delivery::enough_waiting - 1);
  CHECK(!rig.delivery.full());
  rig.line(Delivery::enough_waiting);
  CHECK(rig.delivery.full());
  rig.lines(Delivery::enough_waiting + 1, 20'000);
  CHECK(rig.delivery.waiting() == 20'000);
}

TEST_CASE("what cannot be read again waits for mxwardend, and while that is away the oldest are dropped for more") {
  Rig rig(true);
  rig.lines(1, Delivery::enough_waiting);
  CHECK(rig.delivery.full());
  rig.send();
  rig.delivery.lost("no connection", rig.now);
  CHECK(!rig.delivery.full());
  rig.lines(Delivery::enough_waiting + 1, Delivery::most_waiting + 100);
  CHECK(rig.delivery.waiting() == Delivery::most_waiting);
  CHECK(rig.delivery.counts().dropped == 100);
  rig.now += 5s;
  CHECK(rig.send().front() == 101);
  // Those that are on their way may have arrived: others go.
  rig.line(20'000);
  rig.ok();
  CHECK(rig.said.back().find("10000 events waited, 101 were dropped") != std::string::npos);
  CHECK(rig.send().front() == 602);
}

TEST_CASE(
    "mxwardend is told how many lines there were, each of them once, and every ten seconds where nothing happens") {
  Rig rig;
  rig.other_line(1);
  rig.other_line(2, true);
  CHECK(rig.send() == Positions{2});
  CHECK(rig.batch.at("lines").as_int64() == 2);
  CHECK(rig.batch.at("unknown").as_int64() == 1);
  rig.delivery.lost("no connection", rig.now);
  rig.now += 5s;
  rig.other_line(3);
  CHECK(rig.send().empty());
  rig.line(4);
  CHECK(rig.send() == Positions{4, 4});
  CHECK(rig.batch.at("lines").as_int64() == 4);
  rig.ok();
  rig.other_line(5);
  CHECK(rig.send().empty());
  rig.now += 10s;
  CHECK(rig.send() == Positions{5});
  CHECK(rig.batch.at("lines").as_int64() == 1);
  CHECK(rig.batch.at("unknown").as_int64() == 0);
}
