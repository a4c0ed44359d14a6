#include "server/control_explain.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "conf/settings.hpp"
#include "policy/pipeline.hpp"
#include "store/embedded_store.hpp"
#include "unit/server/control_rig.hpp"

namespace mxwarden::server {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr std::string_view settings_text = R"(
[client_rate]
limit = 2
[message_recipients]
limit = 1
[limit pair]
key = sender + recipient
stage = RCPT
count = messages
window = 60s
limit = 1
mode = monitor
[limit spray]
key = sender
stage = RCPT
count = distinct recipients
window = 60s
limit = 5
)";

// The operations with a pipeline behind them.
struct ExplainRig {
  explicit ExplainRig(std::string_view text = settings_text) {
    conf::Report report;
    const auto read = conf::parse_settings(text, "test", {}, report);
    auto access = std::make_shared<conf::AccessTable>(
        conf::AccessTable::parse("ClientRate:192.0.2.4 1\nConnect:192.0.2.3 REJECT not you\n", "access", report));
    for (const auto& fault : report.faults) FAIL(fault.to_string());
    pipeline.emplace(store, tracker, std::make_shared<const policy::Engine>(read, std::move(access)),
                     policy::Pipeline::Options{.records = &rig.records});
  }

  std::string answer(std::string_view request) {
    std::string line;
    operations.answer(request, {.uid = 0}, false, [&](std::string text) { line = std::move(text); });
    return line;
  }
  json::object ask(std::string_view request) { return json::parse(answer(request)).as_object(); }
  json::object explain(const json::object& attributes) {
    return ask(json::serialize(json::object{{"op", "explain"}, {"attributes", attributes}}));
  }
  std::string error(std::string_view members) {
    const auto object = ask(fmt::format(R"({{"op":"explain",{}}})", members));
    if (object.at("ok") != false) return "no error: " + json::serialize(object);
    return std::string(object.at("error").as_string());
  }
  // As Postfix would ask.
  std::string really(const json::object& attributes) {
    policy::Inquiry inquiry;
    for (const auto& [name, value] : attributes) inquiry.request[*find_attribute(name)] = value.as_string();
    inquiry.request.state = parse_protocol_state(inquiry.request[Attribute::protocol_state]);
    std::string action;
    pipeline->ask(inquiry, rig.clock.now(), 500ms, [&](const policy::Decision& decision) { action = decision.action; });
    pipeline->flush();
    return action;
  }

  ControlRig rig;
  store::EmbeddedStore store{{.max_entries = 10'000}};
  policy::Tracker tracker{policy::Tracker::Options{}};
  std::optional<policy::Pipeline> pipeline;
  ControlOperations operations{{.records = rig.records,
                                .clock = rig.clock,
                                .settings = rig.settings,
                                .decisions = rig.decisions,
                                .tops = rig.tops,
                                .firewall = rig.firewall,
                                .status = [this] { return rig.status; },
                                .reload = [this] { return rig.reloaded; },
                                .explain =
                                    [this](policy::Explanation& explanation, policy::Explanation::Done done) {
                                      pipeline->explain(explanation, rig.clock.now(), 500ms, std::move(done));
                                      pipeline->flush();
                                    },
                                .take_events = {},
                                .users = [] { return ControlUsers(); }}};
};

const json::object& rule_of(const json::object& answer, std::string_view name) {
  for (const auto& rule : answer.at("rules").as_array()) {
    if (rule.at("rule").as_string() == name) return rule.get_object();
  }
  FAIL("no rule " << name << " in " << json::serialize(answer));
  std::abort();
}

std::string text(const json::object& object) {
  return json::serialize(object);
}

json::object rcpt(std::string_view client, std::string_view port = "1") {
  return {{"client_address", client},    {"client_port", port},           {"protocol_state", "RCPT"},
          {"sender", "s@there.example"}, {"recipient", "r@here.example"}, {"server_address", "192.0.2.25"},
          {"server_port", "25"}};
}

}  // namespace

TEST_CASE("what a request would be answered is told rule by rule") {
  ExplainRig rig;
  const auto first = rig.explain(rcpt("192.0.2.1"));
  CHECK(first.at("ok") == true);
  CHECK(first.at("action") == "DUNNO");
  CHECK_FALSE(first.contains("rule"));
  CHECK(first.at("store") == "embedded");
  CHECK(first.at("new_session") == true);
  CHECK(text(rule_of(first, "ban")) == R"({"rule":"ban","mode":"enforce","says":"passes","why":"no ban"})");
  CHECK(text(rule_of(first, "client_rate")) ==
        R"({"rule":"client_rate","mode":"enforce","says":"counts","counts":[{"entity":"client:192.0.2.1","adds":1,)"
        R"("count":1,"limit":2,"window_ms":60000,"over":false,"recorded":true}]})");
  CHECK(text(rule_of(first, "pair")) ==
        R"({"rule":"pair","mode":"monitor","says":"counts","counts":[{"entity":)"
        R"("sender + recipient:s@there.example, r@here.example","adds":1,"count":1,"limit":1,"window_ms":60000,)"
        R"("over":false,"recorded":true}]})");
  CHECK(rule_of(first, "spray").at("counts").at(0).at("member") == "r@here.example");
}

TEST_CASE("who decides is told, and what those behind would say") {
  ExplainRig rig;
  for (const auto* port : {"1", "2"}) rig.really(rcpt("192.0.2.1", port));
  const auto third = rig.explain(rcpt("192.0.2.1", "3"));
  CHECK(third.at("rule") == "client_rate");
  CHECK(third.at("action") == rule_of(third, "client_rate").at("action"));
  CHECK(rule_of(third, "client_rate").at("says") == "answers");
  CHECK(rule_of(third, "client_rate").at("counts").at(0).at("retry_after_ms").as_int64() > 1000);
  CHECK(rule_of(third, "pair").at("says") == "would answer");
  CHECK(rule_of(third, "pair").at("behind") == true);
  CHECK(rig.really(rcpt("192.0.2.1", "3")) == third.at("action").as_string());
}

TEST_CASE("the record and the access entry that a rule goes by are told") {
  ExplainRig rig;
  rig.rig.records.put({.net = Prefix::parse("192.0.2.0/24").value(),
                       .until = rig.rig.clock.wall_now() + 1h,
                       .what = store::Ban{.rule = "operator", .reason = "spam", .offences = 0}},
                      [](const Result<void>&) {});
  const auto banned = rig.explain(rcpt("192.0.2.4"));
  CHECK(banned.at("rule") == "operator_ban");
  CHECK(rule_of(banned, "operator_ban").at("record").at("net") == "192.0.2.0/24");
  CHECK(rule_of(banned, "operator_ban").at("record").at("reason") == "spam");
  const auto& rate = rule_of(banned, "client_rate");
  CHECK(rate.at("says") == "not asked");
  CHECK(text(rate.at("access").as_object()) == R"({"key":"192.0.2.4","line":1})");
  CHECK(rate.at("counts").at(0).at("limit") == 1);
  CHECK(rate.at("counts").at(0).at("recorded") == false);
}

TEST_CASE("a limit within the message tells its figures when it is over") {
  ExplainRig rig;
  auto request = rcpt("192.0.2.1");
  request["instance"] = "a1.65.1.0";
  rig.really(request);
  request["recipient"] = "another@here.example";
  const auto second = rig.explain(request);
  CHECK(second.at("new_session") == false);
  CHECK(second.at("rule") == "message_recipients");
  CHECK(text(rule_of(second, "message_recipients").at("counts").at(0).as_object()) ==
        R"({"count":2,"limit":1,"over":true})");
}

TEST_CASE("a thousand explanations count nothing") {
  ExplainRig rig;
  const auto first = text(rig.explain(rcpt("192.0.2.1")));
  for (int i = 0; i < 1000; ++i) REQUIRE(text(rig.explain(rcpt("192.0.2.1"))) == first);
  CHECK(rig.tracker.sessions() == 0);
  CHECK(rig.store.statistics().entries == 0);
}

TEST_CASE("what is wrong with the attributes is told") {
  ExplainRig rig;
  const auto state = R"("protocol_state":"RCPT")";
  CHECK(rig.error(R"("x":1)") == "`attributes' is missing: an object");
  CHECK(rig.error(R"("attributes":[])") == "`attributes' must be an object");
  CHECK(rig.error(fmt::format(R"("attributes":{{{},"client":"192.0.2.1"}})", state)) ==
        R"("client" is no attribute of Postfix's in `attributes')");
  CHECK(rig.error(fmt::format(R"("attributes":{{{},"size":1}})", state)) == "`size' in `attributes' must be text");
  CHECK(rig.error(R"("attributes":{"protocol_state":"rcpt"})") ==
        "`protocol_state' in `attributes' must be one of CONNECT, EHLO, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE, VRFY, "
        "ETRN, XCLIENT");
  CHECK(rig.error(R"("attributes":{})").starts_with("`protocol_state' in `attributes' must be one of"));
  CHECK(rig.error(fmt::format(R"("attributes":{{{},"sender":"a\u0000b"}})", state)) ==
        "`sender' in `attributes' has a NUL byte or a line end, which Postfix never sends");
  CHECK(rig.error(fmt::format(R"("attributes":{{{},"sender":"a\nb"}})", state)).starts_with("`sender'"));
  CHECK(rig.error(fmt::format(R"("attributes":{{{}}},"listener":7)", state)).starts_with("`listener' must be text"));
  CHECK(rig.error(fmt::format(R"("attributes":{{{}}},"most":7)", state)).starts_with(R"("most" is no member)"));
  const auto with_sender = [&](std::size_t size) {
    return fmt::format(R"("attributes":{{{},"sender":"{}"}})", state, std::string(size, 'a'));
  };
  CHECK(rig.error(with_sender(8192 - 6)) ==
        "`sender' in `attributes' is too long: with its name it may have 8191 bytes");
  CHECK(rig.error(with_sender(8192 - 7)).starts_with("no error"));
}

TEST_CASE("whatever the attributes hold, the answer is one line of JSON that fits") {
  std::string many(settings_text);
  for (int i = 0; i < 48; ++i) {
    many += fmt::format(
        "[limit a{:038}]\nkey = sender + helo_name + sasl_sender + ccert_subject\nstage = RCPT\ncount = distinct "
        "recipients\nwindow = 60s\n"
        "limit = 1\nmode = monitor\naction = 450 4.7.1 {}\n",
        i, std::string(280, '"'));
  }
  ExplainRig rig(many);
  std::mt19937_64 random(20'240'229);
  const std::array<std::string_view, 8> pieces{"\\", "\"", "\x01", "\xc3\xa4", "\xf0\x9f\x93\xa7", "@", "[", "xn--a."};
  int left_out = 0;
  for (int i = 0; i < 200; ++i) {
    const auto any = [&] {
      std::string value;
      for (auto size = random() % (i % 10 == 0 ? 2000 : 200); size > 0; --size)
        value += pieces[random() % pieces.size()];
      return value;
    };
    json::object attributes{{"protocol_state", "RCPT"}};
    for (const auto name : attribute_names) {
      if (name != "protocol_state") attributes[name] = any();
    }
    attributes["policy_context"] = "";
    if (i % 2 == 0) attributes["client_address"] = "192.0.2.1";
    if (i % 3 == 0) rig.really(attributes);
    attributes["recipient"] = any();
    const auto line = rig.answer(json::serialize(json::object{{"op", "explain"}, {"attributes", attributes}}));
    REQUIRE(line.size() < ControlOperations::longest_answer);
    REQUIRE(line.find('\n') == std::string::npos);
    const auto answer = json::parse(line).as_object();
    REQUIRE(answer.at("ok") == true);
    left_out += answer.contains("left_out") ? 1 : 0;
  }
  CHECK(left_out > 0);
}

}  // namespace mxwarden::server
