#include "maillog/once/dry_run.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>

#include "support/in_zone.hpp"

namespace mxwarden::maillog {
namespace {

namespace json = boost::json;
using policy::EventKind;
using What = Recognised::What;

// 2026-11-22 12:00:00 UTC
constexpr WallTime noon{std::chrono::seconds(1795348800)};

policy::MailEvent login() {
  policy::MailEvent event;
  event.kind = EventKind::login_succeeded;
  event.time = noon;
  event.position = 4711;
  event.client = Address::parse("198.51.100.7");
  event.service = "pop3";
  event.login = "anna";
  return event;
}

conf::Configuration configuration() {
  conf::Report report;
  return {.settings = conf::parse_settings("", "none", {}, report), .access = std::make_shared<conf::AccessTable>()};
}

Recognised recognised(What what) {
  Recognised line;
  line.what = what;
  return line;
}

}  // namespace

TEST_CASE("what follows stands below its event") {
  const InZone zone("UTC0");
  CHECK(event_report(login(), {}, {}) ==
        "2026-11-22 12:00:00  login_succeeded        198.51.100.7  service=pop3 login=anna\n");
  CHECK(event_report(login(), {"one thing", "another\x1b[2J"}, {}) ==
        "2026-11-22 12:00:00  login_succeeded        198.51.100.7  service=pop3 login=anna\n"
        "    -> one thing\n"
        "    -> another\\x1b[2J\n");
  CHECK(event_report(login(), {"one thing"}, {.colours = true}).ends_with("\n    \x1b[1m-> one thing\x1b[0m\n"));
}

TEST_CASE("a program gets the event as mxwardend would, and what follows beside it") {
  const auto alone = event_report(login(), {}, {.json = true, .colours = true});
  CHECK(alone == policy::to_text(login()) + "\n");
  const auto line = event_report(login(), {"why=\"it is\" \\ so", "\xFF"}, {.json = true});
  const auto object = json::parse(line).as_object();
  CHECK(object.at("event") == "login_succeeded");
  CHECK(object.at("follows") == json::array{"why=\"it is\" \\ so", "\\xff"});
}

TEST_CASE("the summary counts lines and events, and is for people alone") {
  for (const bool json : {false, true}) {
    CAPTURE(json);
    DryRun run(configuration(), {.json = json});
    std::string out;
    auto event = recognised(What::event);
    event.event.emplace().kind = EventKind::disconnect;
    for (std::uint64_t line = 1; line <= 1200; ++line) run.add(line, {}, event, out);
    run.add(1201, {}, recognised(What::unknown), out);
    run.add(1202, {}, recognised(What::known), out);
    run.add(1203, {}, recognised(What::other_program), out);
    run.add_no_log_line();
    out.clear();
    std::string remark;
    run.finish({.lines = 1205, .bytes = 70'000, .too_long = 1}, out, remark);
    CHECK(out.empty());
    CHECK(remark == (json ? ""
                          : "lines         1,205; 1 not recognised, 1 no log lines, 1 too long\n"
                            "events        disconnect 1,200\n"
                            "would follow  nothing\n"
                            "turned off    relay_grant.mode = off, bad_recipient.source = inline\n"));
  }
}

}  // namespace mxwarden::maillog
