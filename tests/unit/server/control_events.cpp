#include "server/control_events.hpp"

#include <doctest/doctest.h>

#include "unit/server/control_rig.hpp"

namespace mxwarden::server {
namespace {

constexpr std::string_view an_event = R"({"event":"connect","time":1763770000123,"client":"198.51.100.7"})";

std::string hand_over(std::string_view events, std::string_view more = "") {
  return R"({"op":"event","source":"mx1:log","seq":17,"events":[)" + std::string(events) + "]" + std::string(more) +
         "}";
}

}  // namespace

TEST_CASE("events are handed over with their source, and acknowledged with their seq") {
  ControlRig rig;
  CHECK(rig.answer(hand_over(an_event, R"(,"lines":40,"unknown":0)")) == R"({"ok":true,"seq":17})");
  REQUIRE(rig.batches.size() == 1);
  CHECK(rig.batches[0].source == "mx1:log");
  CHECK(rig.batches[0].seq == 17);
  REQUIRE(rig.batches[0].events.size() == 1);
  CHECK(rig.batches[0].events[0].kind == policy::EventKind::connect);
  CHECK(rig.log_lines.read == 40);
  rig.taken = Error{"the disk is full"};
  CHECK(rig.error(hand_over(an_event)) == "the disk is full");
}

TEST_CASE("what is wrong is named, and nothing of it is taken") {
  struct Row {
    std::string request;
    const char* error;
  };
  std::string many;
  for (int at = 0; at < 1001; ++at) many += (at == 0 ? "" : ",") + std::string(an_event);
  const Row rows[] = {
      {R"({"op":"event"})", "`source' is missing"},
      {R"({"op":"event","source":"a","seq":0,"events":[]})", "`seq' must be a number from 1"},
      {R"({"op":"event","source":"a","seq":1})", "`events' is missing: an array"},
      {hand_over("7"), "event 1: it is no object"},
      {hand_over(std::string(an_event) + R"(,{"event":"x"})"), "event 2: `event' of an event is no event"},
      {hand_over(many), "`events' are at most 1000 at a time"},
      {hand_over(an_event, R"(,"lines":-1)"), "`lines' must be a number from 0 on"},
  };
  ControlRig rig;
  for (const auto& row : rows) {
    CAPTURE(row.error);
    const auto error = rig.error(row.request);
    CHECK_MESSAGE(error.starts_with(row.error), error);
  }
  CHECK(rig.batches.empty());
}

TEST_CASE("the users of the log follower and of the firewall are kept to what they need") {
  struct Row {
    const char* request;
    bool maillog;
    bool firewall;
  };
  const Row rows[] = {
      {R"({"op":"event","source":"a","seq":1,"events":[]})", true, false},
      {R"({"op":"bans.follow"})", false, true},
      {R"({"op":"firewall.report","mode":"enforce","healthy":true})", false, true},
      {R"({"op":"status"})", false, false},
      {R"({"op":"reload"})", false, false},
      {R"({"op":"records.list","kind":"ban"})", false, false},
      {R"({"op":"records.add","kind":"ban","net":"198.51.100.0/24","for_ms":3600000,"reason":"spam"})", false, false},
  };
  constexpr uid_t maillog = 901;
  constexpr uid_t firewall = 902;
  ControlRig rig;
  rig.users = {.maillog = maillog, .firewall = firewall};
  for (const auto& row : rows) {
    CAPTURE(row.request);
    CHECK(rig.answer(row.request, false, 0).starts_with(R"({"ok":true)"));
    CHECK(rig.answer(row.request, false, 900).starts_with(R"({"ok":true)"));
    CHECK(rig.answer(row.request, false, maillog).starts_with(R"({"ok":true)") == row.maillog);
    CHECK(rig.answer(row.request, false, firewall).starts_with(R"({"ok":true)") == row.firewall);
  }
  CHECK(rig.answer(R"({"op":"status"})", false, maillog) ==
        R"({"ok":false,"error":"`status' is not for the user that asks (uid 901); [server] maillog_user names it"})");
}

}  // namespace mxwarden::server
