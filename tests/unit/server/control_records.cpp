#include "server/control_records.hpp"

#include <doctest/doctest.h>

#include "policy/finding.hpp"
#include "policy/record_changes.hpp"
#include "unit/server/control_rig.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::string_view add_ban =
    R"({"op":"records.add","kind":"ban","net":"198.51.100.0/24","for_ms":3600000,"reason":"ours"})";
constexpr std::string_view remove_ban = R"({"op":"records.remove","kind":"ban","net":"198.51.100.0/24"})";

}  // namespace

TEST_CASE("what two ask to be added to a record at once is all in it, and each is shown what came of his own") {
  ControlRig rig;
  rig.records.finishes_later = true;
  std::vector<std::string> answers;
  for (const std::string login : {"anna", "bert"}) {
    rig.operations.answer(R"({"op":"records.add","kind":"grant","net":"203.0.113.9","login":")" + login + R"("})",
                          {.uid = 0}, false, [&](std::string text) { answers.push_back(std::move(text)); });
  }
  rig.records.finish_one();
  rig.records.finish_one();
  REQUIRE(answers.size() == 2);
  const auto logins = [&](std::size_t at) { return json::parse(answers[at]).at("record").at("logins").as_array(); };
  CHECK(logins(0).size() == 1);
  REQUIRE(logins(1).size() == 2);
  CHECK(logins(1)[0].at("name") == "anna");
  CHECK(logins(1)[1].at("name") == "bert");
}

TEST_CASE("an addition is made of what another node has written meanwhile") {
  struct Row {
    const char* label;
    std::string request;
    store::Record theirs;
    const char* member;  // of the answer's record
    json::value value;
  };
  ControlRig rig;
  const auto until = rig.clock.wall_now() + 1h;
  const auto client = *Address::parse("203.0.113.9");
  const Prefix net(client, client.bits());
  const Row rows[] = {
      {"ban", R"("kind":"ban","net":"203.0.113.9","for_ms":1000,"reason":"ours")",
       policy::operators_ban({net, "theirs", {}, until}, nullptr), "offences", 2},
      {"grant", R"("kind":"grant","net":"203.0.113.9","login":"anna")",
       policy::granted({client, "anna", rig.clock.wall_now(), until}, nullptr), "until",
       milliseconds_since_1970(until)},
      {"listing", R"("kind":"listing","net":"203.0.113.9","list":"l","reason":"ours")",
       policy::found({.list = "l", .reason = "theirs", .at = rig.clock.wall_now(), .lasts = 1h, .ban = {}}, net, "",
                     nullptr, {}),
       "hits", 1},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    rig.records.unheard = row.theirs;
    const auto answer = rig.ask(R"({"op":"records.add",)" + row.request + "}");
    REQUIRE_MESSAGE(answer.at("ok") == true, json::serialize(answer));
    CHECK(answer.at("record").at(row.member) == row.value);
  }
}

TEST_CASE("whether there was one is what the store found, not what this node knew") {
  ControlRig rig;
  CHECK(rig.ask(remove_ban).at("removed") == false);
  const auto net = *Prefix::parse("198.51.100.0/24");
  rig.records.unheard = policy::operators_ban({net, "theirs", {}, rig.clock.wall_now() + 1h}, nullptr);
  CHECK(rig.ask(remove_ban).at("removed") == true);
  CHECK(rig.ask(remove_ban).at("removed") == false);
}

TEST_CASE("an addition that is over before it is written is an error") {
  ControlRig rig;
  rig.records.too_late = true;
  CHECK(rig.error(add_ban) == "it was over before it could be written");
}

}  // namespace mxwarden::server
