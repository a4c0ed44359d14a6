#include "server/control_top.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

#include "base/escape.hpp"

#include "unit/server/control_rig.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

struct TopRig : ControlRig {
  void refuse(std::string_view client, int times, std::string_view rule = "client_rate", std::string_view login = {}) {
    policy::Request request;
    request[Attribute::sasl_username] = login;
    policy::View view;
    view.client = Address::parse(client);
    view.new_session = true;
    view.new_recipient = true;
    policy::Decision decision;
    decision.verdict.emplace();
    decision.verdict->rule = rule;
    decision.verdict->refuses = true;
    for (int time = 0; time < times; ++time) tops.counts().decided(request, view, decision, clock.now());
  }
  std::int64_t now() const { return milliseconds_since_1970(clock.wall_now()); }
};

std::string list_text(std::string_view name, std::uint64_t count, std::uint64_t floor = 0) {
  return fmt::format("1 7200000 {}\n{} 0 1795348800123 ban {}\n", floor, count, name);
}

}  // namespace

TEST_CASE("the worst are listed, with what is certain of them") {
  TopRig rig;
  rig.refuse("203.0.113.7", 3);
  rig.refuse("2001:db8::1", 1, "ban", "anna");
  rig.clock.advance(90s);
  const auto answer = rig.ask(R"({"op":"top","by":"rejected","nodes":"this"})");
  const auto expected = json::parse(fmt::format(
      R"({{"ok":true,"by":"rejected","since_ms":86400000,"covers_ms":90000,"floor":0,"nodes":["mx1"],"silent":[],
      "entries":[{{"client":"203.0.113.7","count":3,"error":0,"rule":"client_rate","last":{0}}},
                 {{"client":"2001:db8::/64","count":1,"error":0,"rule":"ban","last":{0}}}]}})",
      rig.now() - 90'000));
  CHECK_MESSAGE(json::value(answer) == expected, json::serialize(answer));
  struct Row {
    const char* by;
    const char* member;
    const char* first;
    std::size_t entries;
  };
  for (const auto& row : {Row{"rate", "client", "203.0.113.7", 2}, Row{"banned", "client", "2001:db8::/64", 1},
                          Row{"login", "login", "anna", 1}, Row{"network", "network", "203.0.113.0/24", 2}}) {
    CAPTURE(row.by);
    const auto of = rig.ask(fmt::format(R"({{"op":"top","by":"{}"}})", row.by));
    const auto& entries = of.at("entries").as_array();
    REQUIRE(entries.size() == row.entries);
    CHECK(entries[0].at(row.member) == row.first);
  }
}

TEST_CASE("what is asked for is as many and of as long as was said") {
  TopRig rig;
  for (int client = 1; client <= 20; ++client) rig.refuse(fmt::format("203.0.113.{}", client), client);
  rig.clock.advance(2h);
  rig.refuse("198.51.100.1", 1);
  const auto worst = rig.ask(R"({"op":"top","by":"rejected","most":2,"nodes":"this"})");
  CHECK(worst.at("entries").as_array().size() == 2);
  CHECK(worst.at("floor") == 18);
  CHECK_FALSE(worst.contains("next"));
  const auto latest = rig.ask(R"({"op":"top","by":"rejected","since_ms":60000,"nodes":"this"})");
  CHECK(latest.at("entries").as_array().size() == 1);
  CHECK(latest.at("since_ms") == 60000);
}

TEST_CASE("more than a line can hold comes in pages that fit together, whatever is counted or asked in between") {
  TopRig rig;
  constexpr int clients = 1'900;
  for (int client = 0; client < clients; ++client) rig.refuse(fmt::format("10.0.{}.{}", client / 250, client % 250), 1);
  std::set<std::string> seen;
  std::int64_t from = 1;
  std::string list;
  int pages = 0;
  constexpr auto question = R"("op":"top","by":"rejected","most":10000,"nodes":"this")";
  while (from > 0) {
    const auto line = rig.answer(fmt::format(R"({{{},"from":{}{}}})", question, from, list));
    CHECK(line.size() < ControlOperations::longest_answer);
    const auto answer = json::parse(line).as_object();
    for (const auto& entry : answer.at("entries").as_array()) seen.emplace(entry.at("client").as_string());
    const auto* next = answer.if_contains("next");
    from = next == nullptr ? 0 : next->to_number<std::int64_t>();
    if (next != nullptr) {
      CHECK(from == static_cast<std::int64_t>(seen.size()) + 1);
      list = fmt::format(R"(,"list":{})", answer.at("list").to_number<std::int64_t>());
    }
    // The same question, and others, of somebody else.
    rig.ask(fmt::format("{{{}}}", question));
    rig.ask(R"({"op":"top","by":"rate"})");
    for (int client = 0; client < 250; ++client) rig.refuse(fmt::format("10.0.5.{}", client), 1);
    rig.clock.advance(1s);
    rig.tops.tick();
    ++pages;
  }
  CHECK(seen.size() == clients);
  CHECK(pages > 1);
}

TEST_CASE("a list is kept for a minute, and behind its end there is nothing") {
  TopRig rig;
  rig.refuse("203.0.113.7", 1);
  rig.refuse("203.0.113.8", 1);
  rig.ask(R"({"op":"top","by":"rejected"})");
  constexpr auto second = R"({"op":"top","by":"rejected","from":2,"list":1})";
  CHECK(rig.ask(second).at("entries").as_array().size() == 1);
  CHECK(rig.ask(R"({"op":"top","by":"rejected","from":9999,"list":1})").at("entries").as_array().empty());
  CHECK(rig.error(R"({"op":"top","by":"rejected","from":2})").starts_with("`list' is missing"));
  CHECK(rig.error(R"({"op":"top","by":"rate","from":2,"list":1})").starts_with("this list is not kept any more"));
  CHECK(rig.error(R"({"op":"top","by":"rejected","from":2,"list":2})").starts_with("this list is not kept any more"));
  rig.clock.advance(61s);
  rig.tops.tick();
  CHECK(rig.error(second).starts_with("this list is not kept any more"));
}

TEST_CASE("what nodes have counted is merged, and who is missing is named") {
  TopRig rig;
  rig.refuse("203.0.113.7", 5);
  rig.board.others = std::vector<store::Notice>{{"mx3", list_text("198.51.100.9", 9, 2)},
                                                {"mx1", list_text("203.0.113.7", 1000)},
                                                {"mx2", list_text("203.0.113.7", 100)},
                                                {"mx5", "2 of another release"},
                                                {"mx4", std::nullopt}};
  const auto answer = rig.ask(R"({"op":"top","by":"rejected","since_ms":3600000})");
  CHECK(rig.board.asked == std::vector<std::string>{"top/rejected/1h"});
  CHECK(answer.at("nodes") == json::array{"mx1", "mx2", "mx3"});
  CHECK(answer.at("silent") == json::array{"mx4", "mx5"});
  CHECK_FALSE(answer.contains("alone"));
  CHECK(answer.at("covers_ms") == 7'200'000);
  const auto& entries = answer.at("entries").as_array();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0] ==
        json::value{
            {"client", "203.0.113.7"}, {"count", 107}, {"error", 2}, {"rule", "ban"}, {"last", 1'795'348'800'123}});
  CHECK(entries[1].at("client") == "198.51.100.9");
  CHECK(rig.ask(R"({"op":"top","by":"login","since_ms":3600001})").at("nodes").as_array().size() == 3);
  CHECK(rig.board.asked.back() == "top/login/1d");
  CHECK(rig.ask(R"({"op":"top","by":"rejected","nodes":"this"})").at("nodes") == json::array{"mx1"});
  CHECK(rig.board.asked.size() == 2);
}

TEST_CASE("a node that cannot hear the others answers with its own and says so") {
  TopRig rig;
  rig.refuse("203.0.113.7", 5);
  rig.board.others = Error{"store away: no answer in time"};
  const auto answer = rig.ask(R"({"op":"top","by":"rejected"})");
  CHECK(answer.at("nodes") == json::array{"mx1"});
  CHECK(answer.at("alone") == "store away: no answer in time");
  CHECK(answer.at("entries").as_array().size() == 1);
}

TEST_CASE("an answer about all nodes waits for theirs") {
  TopRig rig;
  rig.board.answers_later = true;
  std::string answer;
  rig.operations.answer(R"({"op":"top","by":"rejected"})", {.uid = 0}, false,
                        [&](std::string text) { answer = std::move(text); });
  CHECK(answer.empty());
  rig.board.waiting(std::vector<store::Notice>{{"mx2", list_text("203.0.113.7", 100)}});
  CHECK(answer.find(R"("nodes":["mx1","mx2"])") != std::string::npos);
}

TEST_CASE("within half a minute a node has put up all that the others may ask for, one at a time") {
  TopRig rig;
  rig.refuse("203.0.113.7", 5);
  for (int second = 0; second < 30; ++second) {
    const auto before = rig.board.put_up.size();
    rig.tops.tick();
    CHECK(rig.board.put_up.size() <= before + 1);
  }
  CHECK(rig.board.put_up.size() == policy::top_by_names.size() * 2);
  for (const auto by : policy::top_by_names) {
    for (const auto* span : {"1h", "1d"}) {
      const auto put = rig.board.put_up.find(fmt::format("top/{}/{}", by, span));
      REQUIRE(put != rig.board.put_up.end());
      const auto list = policy::parse_top_list(put->second);
      REQUIRE(list.has_value());
      CHECK(list->entries.size() == (by == "login" || by == "banned" || by == "bad-recipients" ? 0 : 1));
    }
  }
}

TEST_CASE("text that strangers chose is JSON, and fits") {
  TopRig rig;
  const std::string name(63, '\x01');
  for (int at = 0; at < 1'000; ++at) {
    auto login = name;
    login.replace(0, 4, fmt::format("{:04}", at));
    login.back() = '\xff';
    rig.refuse("203.0.113.7", 1, "ban", login);
  }
  const auto line = rig.answer(R"({"op":"top","by":"login","most":1000})");
  CHECK(line.size() < ControlOperations::longest_answer);
  CHECK(is_utf8(line));
  CHECK(json::parse(line).at("entries").as_array().size() > 50);
}

TEST_CASE("a wrong question is told what is right") {
  TopRig rig;
  CHECK(rig.error(R"({"op":"top"})").starts_with("`by' is missing: "));
  CHECK(rig.error(R"({"op":"top","by":"guessers"})") ==
        "`by' must be one of rejected, rate, login, banned, network, bad-recipients");
  CHECK(rig.error(R"({"op":"top","by":"rate","since_ms":86400001})") ==
        "`since_ms' can be 86400000 at most: nothing older than 1d is kept");
  CHECK(rig.error(R"({"op":"top","by":"rate","nodes":"mx2"})") == "`nodes' must be this or all");
  CHECK(rig.error(R"({"op":"top","by":"rate","most":0})") == "`most' must be a number from 1 to 10000");
  CHECK(rig.error(R"({"op":"top","by":"rate","from":10001})") == "`from' must be a rank from 1 to 10000");
  CHECK(rig.error(R"({"op":"top","by":"rate","net":"192.0.2.1"})").find("\"net\" is no member") != std::string::npos);
}

}  // namespace mxwarden::server
