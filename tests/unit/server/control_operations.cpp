#include "server/control_operations.hpp"

#include <doctest/doctest.h>

#include "unit/server/control_rig.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::string_view a_ban =
    R"({"op":"records.add","kind":"ban","net":"198.51.100.0/24","for_ms":3600000,"reason":"spam"})";

std::int64_t until_after(const ControlRig& rig, Duration time) {
  return std::chrono::floor<std::chrono::milliseconds>(rig.clock.wall_now().time_since_epoch() + time).count();
}

std::vector<std::string> nets_of(const json::object& answer) {
  std::vector<std::string> nets;
  for (const auto& record : answer.at("records").as_array()) nets.emplace_back(record.at("net").as_string());
  return nets;
}

void put_bans(ControlRig& rig, int count) {
  for (int at = 0; at < count; ++at) {
    const auto net = Prefix::parse("10." + std::to_string(at / 65536) + "." + std::to_string(at / 256 % 256) + "." +
                                   std::to_string(at % 256));
    rig.records.put({*net, rig.clock.wall_now() + 1h, store::Ban{"operator", "number " + std::to_string(at), 1}},
                    [](const Result<void>&) {});
  }
}

}  // namespace

TEST_CASE("status says how it goes") {
  ControlRig rig;
  rig.status = {.backend = "redis",
                .store_up = false,
                .uptime = 61500ms,
                .connections = 3,
                .sessions = 4,
                .smtp_connections = 5,
                .spared = {"odd"},
                .totals = {.decisions = 1000, .last_second = 17, .refusals = {{"client_rate", 9}, {"odd", 2}}}};
  rig.records.away = true;
  put_bans(rig, 2);
  const auto answer = rig.ask(R"({"op":"status"})");
  const auto expected = json::parse(R"({"ok":true,"version":")" MXWARDEN_VERSION
                                    R"(","node":"mx1","uptime_s":61,"backend":"redis","store_up":false,
      "records_current":false,"records":{"ban":2,"grant":0,"listing":0},"decisions":1000,"decisions_per_s":17,
      "refused":{"client_rate":9,"odd":2},"connections":3,"sessions":4,"smtp_connections":5,"spared":["odd"],
      "firewall":null})");
  auto without_pid = answer;
  CHECK(without_pid.erase("pid") == 1);
  CHECK(json::value(without_pid) == expected);
}

TEST_CASE("the first answer of a connection says which protocol this is, good or bad") {
  ControlRig rig;
  CHECK(rig.answer(R"({"op":"reload"})", true) == R"({"ok":true,"proto":1})");
  CHECK(rig.answer(R"({"op":"reload"})") == R"({"ok":true})");
  CHECK(rig.answer("nonsense", true).starts_with(R"({"ok":false,"proto":1,"error":")"));
}

TEST_CASE("a ban is made, found, listed and removed") {
  ControlRig rig;
  const auto added = rig.ask(a_ban);
  const json::value record{{"kind", "ban"},
                           {"net", "198.51.100.0/24"},
                           {"until", until_after(rig, 1h)},
                           {"rule", "operator"},
                           {"reason", "spam"},
                           {"offences", 1},
                           {"made", until_after(rig, 0h)}};
  CHECK(added == json::object{{"ok", true}, {"record", record}});
  CHECK(rig.ask(R"({"op":"records.list","kind":"ban"})") ==
        json::object{{"ok", true}, {"records", json::array{record}}});
  CHECK(rig.ask(a_ban).at("record").at("offences") == 2);
  constexpr auto remove = R"({"op":"records.remove","kind":"ban","net":"198.51.100.0/24"})";
  CHECK(rig.answer(remove) == R"({"ok":true,"removed":true,"net":"198.51.100.0/24"})");
  CHECK(rig.answer(remove) == R"({"ok":true,"removed":false,"net":"198.51.100.0/24"})");
  CHECK(rig.answer(R"({"op":"records.list","kind":"ban"})") == R"({"ok":true,"records":[]})");
}

TEST_CASE("a grant and a listing last as long as the settings say, unless told otherwise") {
  struct Row {
    const char* label;
    const char* request;
    const char* net;
    Duration lasts;
  };
  const Row rows[] = {
      {"grant", R"({"op":"records.add","kind":"grant","net":"203.0.113.9","login":"anna"})", "203.0.113.9", 30min},
      {"grant, for", R"({"op":"records.add","kind":"grant","net":"2001:db8::9","login":"anna","for_ms":1500})",
       "2001:db8::9", 1500ms},
      {"listing", R"({"op":"records.add","kind":"listing","net":"203.0.113.9","list":"l","reason":"r"})", "203.0.113.9",
       24h * 90},
      {"listing by prefix",
       R"({"op":"records.add","kind":"listing","net":"2001:db8::9","list":"l","reason":"r","for_ms":60000})",
       "2001:db8::/64", 1min},
      {"the longest", R"({"op":"records.add","kind":"ban","net":"::/16","reason":"r","for_ms":315360000000})", "::/16",
       24h * 3650},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    ControlRig rig;
    rig.settings.client.trusted.clear();
    const auto answer = rig.ask(row.request);
    REQUIRE_MESSAGE(answer.at("ok") == true, json::serialize(answer));
    CHECK(answer.at("record").at("net") == row.net);
    CHECK(answer.at("record").at("until") == until_after(rig, row.lasts));
  }
}

TEST_CASE("a client's listing is removed by its address, and a net's by its net") {
  ControlRig rig;
  rig.answer(R"({"op":"records.add","kind":"listing","net":"2001:db8::9","list":"l","reason":"r"})");
  rig.answer(R"({"op":"records.add","kind":"listing","net":"2001:db9::9","list":"l","reason":"r"})");
  CHECK(rig.answer(R"({"op":"records.remove","kind":"listing","net":"2001:db8::77"})") ==
        R"({"ok":true,"removed":true,"net":"2001:db8::/64"})");
  CHECK(rig.answer(R"({"op":"records.remove","kind":"listing","net":"2001:db9:1::1"})") ==
        R"({"ok":true,"removed":false,"net":"2001:db9:1::/64"})");
  CHECK(rig.answer(R"({"op":"records.remove","kind":"listing","net":"2001:db9::/64"})") ==
        R"({"ok":true,"removed":true,"net":"2001:db9::/64"})");
  CHECK(rig.error(R"({"op":"records.add","kind":"listing","net":"0.0.0.0/0","list":"l","reason":"r"})") ==
        "`net' must be one address, not a net");
}

TEST_CASE("what a slip could do harm with is refused with a sentence, and may be forced where it makes sense") {
  ControlRig rig;
  const std::string trusted = R"("op":"records.add","kind":"ban","net":"192.0.2.0/24","for_ms":1000,"reason":"r")";
  CHECK(
      rig.error("{" + trusted + "}") ==
      "192.0.2.25 is in 192.0.2.0/24, and [client] trusted names it, so that it stays served; force the ban if that is "
      "meant");
  CHECK(rig.error("{" + trusted + R"(,"force":false})").find("192.0.2.25") != std::string::npos);
  CHECK(rig.ask("{" + trusted + R"(,"force":true})").at("ok") == true);
  CHECK(rig.error(R"({"op":"records.add","kind":"ban","net":"128.0.0.0/2","for_ms":1,"reason":"r"})")
            .starts_with("a ban of 128.0.0.0/2 would hit 1 of 4 addresses"));
  CHECK(
      rig.error(R"({"op":"records.add","kind":"grant","net":"10.0.0.1","login":"a"})").find("10.0.0.1 is a private") !=
      std::string::npos);
  CHECK(rig.records.book().size(store::RecordKind::grant) == 0);
}

TEST_CASE("the store's error is the operator's, and the answer waits for the store") {
  ControlRig rig;
  rig.records.error = "the disk is full";
  CHECK(rig.error(a_ban) == "the disk is full");
  CHECK(rig.error(R"({"op":"records.remove","kind":"ban","net":"10.0.0.1"})") == "the disk is full");
  rig.records.error.clear();
  rig.records.finishes_later = true;
  std::string answer;
  rig.operations.answer(a_ban, {.uid = 0}, false, [&](std::string text) { answer = std::move(text); });
  CHECK(answer.empty());
  rig.records.finish_one();
  CHECK(answer.starts_with(R"({"ok":true,"record":{)"));
}

TEST_CASE("a reload's warnings are told, as many as fit") {
  ControlRig rig;
  rig.reloaded = std::vector<std::string>{"one", "these changes take a restart: \xFF"};
  CHECK(rig.answer(R"({"op":"reload"})") == R"({"ok":true,"warnings":["one","these changes take a restart: \\xff"]})");
  rig.reloaded = std::vector<std::string>(100, std::string(5'000, '"'));
  const auto answer = rig.ask(R"({"op":"reload"})");
  CHECK(answer.at("warnings").as_array().size() == 3);
  CHECK(answer.at("warnings").as_array().back() == "more are in the log");
}

TEST_CASE("a reload's faults are told") {
  ControlRig rig;
  rig.reloaded = Error{"mxwarden.conf:3: one\nmxwarden.conf:4: \xFFtwo"};
  CHECK(rig.error(R"({"op":"reload"})") == "mxwarden.conf:3: one\\x0amxwarden.conf:4: \\xfftwo");
  rig.reloaded = Error{"mxwarden.conf:3: one\nmxwarden.conf:4: two"};
  CHECK(rig.error(R"({"op":"reload"})") == "mxwarden.conf:3: one\nmxwarden.conf:4: two");
  rig.reloaded = Error{std::string(200'000, '\x01')};
  const auto answer = rig.answer(R"({"op":"reload"})");
  CHECK(answer.size() < ControlOperations::longest_answer);
  CHECK(json::parse(answer).at("ok") == false);
}

TEST_CASE("a wrong request is told which member is wrong and what it may be") {
  struct Row {
    const char* request;
    const char* error;  // part of it
  };
  const Row rows[] = {
      {"", "this is no JSON"},
      {"status", "this is no JSON"},
      {R"({"op":"status"} {})", "this is no JSON"},
      {R"({"op":"st)", "this is no JSON"},
      {"[]", "a request is a JSON object"},
      {"7", "a request is a JSON object"},
      {"null", "a request is a JSON object"},
      {"{}", "`op' is missing, or no text: one of status, records.list, records.add, records.remove, reload, explain"},
      {R"({"op":7})", "`op' is missing, or no text"},
      {R"({"op":"explode"})", "`op' \"explode\" is unknown: one of status"},
      {R"({"op":"status","kind":"ban"})", "\"kind\" is no member of this; it may have op"},
      {R"({"op":"reload","a\nb":1})", "\"a\\x0ab\" is no member"},
      {R"({"op":"records.list"})", "`kind' is missing: ban, grant or listing"},
      {R"({"op":"records.list","kind":"bans"})", "`kind' must be ban, grant or listing"},
      {R"({"op":"records.list","kind":1})", "`kind' must be ban, grant or listing"},
      {R"({"op":"records.list","kind":"ban","after":"here"})", "`after': `here' is not an IP address"},
      {R"({"op":"records.list","kind":"ban","after":1})", "`after' must be an address or a net, as text"},
      {R"({"op":"records.list","kind":"ban","most":0})", "`most' must be a number from 1 to 1000"},
      {R"({"op":"records.list","kind":"ban","most":1001})", "`most' must be a number from 1 to 1000"},
      {R"({"op":"records.list","kind":"ban","most":"1"})", "`most' must be a number"},
      {R"({"op":"records.list","kind":"ban","covers":"10.0.0.0/8"})", "`covers' must be one address, not a net"},
      {R"({"op":"records.add","kind":"ban"})", "`net' is missing"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","reason":"r"})", "`for_ms' is missing: milliseconds"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":1})", "`reason' is missing: text of 1 to 300"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":1,"reason":""})", "`reason' must be text of 1"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":1,"reason":"a\u001bb"})",
       "without control characters"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":-1,"reason":"r"})",
       "`for_ms' must be milliseconds, from 1 to 315360000000"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":315360000001,"reason":"r"})", "`for_ms' must be"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":1e3,"reason":"r"})", "`for_ms' must be"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":18446744073709551615,"reason":"r"})",
       "`for_ms' must be"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":99999999999999999999999,"reason":"r"})",
       "`for_ms' must be"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1/24","for_ms":1,"reason":"r"})", "did you mean 10.0.0.0/24?"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":1,"reason":"r","force":1})",
       "`force' must be true or false"},
      {R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":1,"reason":"r","login":"a"})",
       "\"login\" is no member of this; it may have op, kind, net, for_ms, reason, force"},
      {R"({"op":"records.add","kind":"grant","net":"203.0.113.0/24","login":"a"})", "`net' must be one address"},
      {R"({"op":"records.add","kind":"grant","net":"203.0.113.1"})", "`login' is missing"},
      {R"({"op":"records.add","kind":"listing","net":"203.0.113.1","reason":"r"})", "`list' is missing"},
      {R"({"op":"records.add","kind":"listing","net":"203.0.113.1","list":"l"})", "`reason' is missing"},
      {R"({"op":"records.remove","kind":"ban"})", "`net' is missing"},
  };
  ControlRig rig;
  for (const auto& row : rows) {
    CAPTURE(row.request);
    const auto error = rig.error(row.request);
    CHECK_MESSAGE(error.find(row.error) != std::string::npos, error);
  }
  CHECK(rig.records.book().size(store::RecordKind::ban) == 0);
}

TEST_CASE("hostile input only gives errors") {
  const std::string rows[] = {
      std::string(60000, '['),
      R"({"op":)" + std::string(60000, '['),
      R"({"op":1e999})",
      R"({"op":)" + std::string(60000, '9') + "}",
      "{\"op\":\"\xFF\xFE\"}",
      "{\"op\":\"\xC3\"}",
      R"({"op":"\ud800"})",
      R"({"op":")" + std::string(60000, 'x') + R"("})",
      R"({"op":"records.list","kind":")" + std::string(60000, 'x') + R"("})",
      R"({"op":"records.list","kind":"ban","after":")" + std::string(60000, '1') + R"("})",
      R"({"op":"records.add","kind":"ban","net":"10.0.0.1","for_ms":1,"reason":")" + std::string(301, 'x') + R"("})",
      R"({"op":"status",")" + std::string(60000, 'x') + R"(":1})",
      std::string("{\"op\":\"status\"}\0", 16),
  };
  ControlRig rig;
  for (const auto& row : rows) {
    CAPTURE(row.substr(0, 60));
    const auto answer = rig.answer(row);
    CHECK(answer.size() < 1000);
    CHECK(json::parse(answer).at("ok") == false);
  }
}

TEST_CASE("nobody whom the kernel does not name is answered") {
  ControlRig rig;
  std::string answer;
  rig.operations.answer(R"({"op":"status"})", {}, false, [&](std::string text) { answer = std::move(text); });
  CHECK(json::parse(answer).at("ok") == false);
  CHECK(json::parse(answer).as_object().if_contains("version") == nullptr);
}

TEST_CASE("a long list comes in pages that fit into a line, each record once and in the order of the nets") {
  ControlRig rig;
  put_bans(rig, 3000);
  std::vector<std::string> all;
  std::string request = R"({"op":"records.list","kind":"ban"})";
  int pages = 0;
  while (true) {
    const auto line = rig.answer(request);
    CHECK(line.size() < ControlOperations::longest_answer);
    const auto answer = json::parse(line).as_object();
    const auto nets = nets_of(answer);
    all.insert(all.end(), nets.begin(), nets.end());
    ++pages;
    const auto* next = answer.if_contains("next");
    if (next == nullptr) break;
    CHECK(std::string_view(next->as_string()) == nets.back());
    request = R"({"op":"records.list","kind":"ban","after":)" + json::serialize(*next) + "}";
  }
  CHECK(pages > 3);
  CHECK(pages < 10);
  REQUIRE(all.size() == 3000);
  CHECK(all[0] == "10.0.0.0");
  CHECK(all[2999] == "10.0.11.183");
}

TEST_CASE("a page may be smaller, and the last one says that there is no more") {
  ControlRig rig;
  put_bans(rig, 4);
  const auto first = rig.ask(R"({"op":"records.list","kind":"ban","most":2})");
  CHECK(nets_of(first) == std::vector<std::string>{"10.0.0.0", "10.0.0.1"});
  CHECK(first.at("next") == "10.0.0.1");
  const auto second = rig.ask(R"({"op":"records.list","kind":"ban","most":2,"after":"10.0.0.1"})");
  CHECK(nets_of(second) == std::vector<std::string>{"10.0.0.2", "10.0.0.3"});
  CHECK(second.if_contains("next") == nullptr);
}

TEST_CASE("what covers an address is shown, the widest first, and nothing else") {
  ControlRig rig;
  rig.settings.client.trusted.clear();
  for (const auto* net : {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.1.2.4", "2001:db8::/32"}) {
    rig.answer(R"({"op":"records.add","kind":"ban","for_ms":1000,"reason":"r","net":")" + std::string(net) + "\"}");
  }
  const std::string covers = R"({"op":"records.list","kind":"ban","covers":"10.1.2.3")";
  CHECK(nets_of(rig.ask(covers + "}")) == std::vector<std::string>{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"});
  const auto one = rig.ask(covers + R"(,"most":1})");
  CHECK(nets_of(one) == std::vector<std::string>{"10.0.0.0/8"});
  CHECK(one.at("next") == "10.0.0.0/8");
  const auto rest = rig.ask(covers + R"(,"after":"10.0.0.0/8"})");
  CHECK(nets_of(rest) == std::vector<std::string>{"10.1.0.0/16", "10.1.2.3"});
}

TEST_CASE("a record that is too long for a line is shown with its latest logins") {
  ControlRig rig;
  store::Grant grant;
  for (std::size_t at = 0; at < store::most_record_logins; ++at) {
    grant.logins.push_back({std::string(290, '\x01') + std::to_string(at), {}, {}, 0});
  }
  rig.records.put({Prefix::parse("203.0.113.1").value(), rig.clock.wall_now() + 1h, grant}, [](const auto&) {});
  rig.records.put({Prefix::parse("203.0.113.2").value(), rig.clock.wall_now() + 1h, grant}, [](const auto&) {});
  const auto line = rig.answer(R"({"op":"records.list","kind":"grant"})");
  CHECK(line.size() < ControlOperations::longest_answer);
  const auto answer = json::parse(line).as_object();
  CHECK(nets_of(answer) == std::vector<std::string>{"203.0.113.1"});
  CHECK(answer.at("next") == "203.0.113.1");
  const auto& logins = answer.at("records").at(0).at("logins").as_array();
  CHECK(logins.size() == 25);
  CHECK(std::string_view(logins.back().at("name").as_string()).ends_with("49"));
}

}  // namespace mxwarden::server
