#include "cli/report.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <ctime>
#include <string>

#include "support/in_zone.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

// 2026-11-22 12:00:00 UTC
constexpr WallTime now{std::chrono::seconds(1795348800)};

std::int64_t at(Duration later) {
  return std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch() + later).count();
}

json::object ban(std::string_view net, Duration lasts, std::string_view rule, std::string_view reason, int offences) {
  return {{"kind", "ban"}, {"net", net},       {"until", at(lasts)},
          {"rule", rule},  {"reason", reason}, {"offences", offences}};
}

}  // namespace

TEST_CASE("bans are a table that an operator reads at a glance") {
  const InZone zone("UTC0");
  RecordTable table(store::RecordKind::ban, now, false);
  CHECK(table.page({ban("192.0.2.0/24", 1h, "operator", "spam run", 1),
                    ban("2001:db8::/64", 24h * 3 + 4h, "repeat_offender", "dictionary attack", 12)}) ==
        "NET            UNTIL                LEFT   RULE             OFFENCES  REASON\n"
        "192.0.2.0/24   2026-11-22 13:00:00  1h     operator                1  spam run\n"
        "2001:db8::/64  2026-11-25 16:00:00  3d 4h  repeat_offender        12  dictionary attack\n");
}

TEST_CASE("the next page has no heading and the same columns, but for a cell that is wider") {
  const InZone zone("UTC0");
  RecordTable table(store::RecordKind::ban, now, false);
  table.page({ban("192.0.2.1", 1h, "operator", "r", 1)});
  CHECK(table.page({ban("192.0.2.2", 1s, "a", "r", 1), ban("192.0.2.128/25", 1s, "a", "r", 1)}) ==
        "192.0.2.2  2026-11-22 12:00:01  1s    a                1  r\n"
        "192.0.2.128/25  2026-11-22 12:00:01  1s    a                1  r\n");
  CHECK(table.page({}) == "");
}

TEST_CASE("times are those of the operator's place") {
  const InZone zone("XXX-5:30");
  RecordTable table(store::RecordKind::ban, now, false);
  CHECK(table.page({ban("192.0.2.1", 1h, "operator", "r", 1)}).find("2026-11-22 18:30:00  1h ") != std::string::npos);
}

TEST_CASE("grants name their logins, and how often each came again") {
  const InZone zone("UTC0");
  RecordTable table(store::RecordKind::grant, now, false);
  const json::object record{
      {"kind", "grant"},
      {"net", "192.0.2.1"},
      {"until", at(30min)},
      {"logins", json::array{{{"name", "anna"}, {"first", at(-2h)}, {"last", at(-1min)}, {"refreshes", 3}},
                             {{"name", "bob"}, {"first", at(-1h)}, {"last", at(-1h)}, {"refreshes", 0}}}}};
  CHECK(table.page({record}) ==
        "ADDRESS    UNTIL                LEFT  LAST LOGIN           LOGINS\n"
        "192.0.2.1  2026-11-22 12:30:00  30m   2026-11-22 11:59:00  anna (+3), bob\n");
}

TEST_CASE("listings say who lists, why and how often they were hit") {
  const InZone zone("UTC0");
  RecordTable table(store::RecordKind::listing, now, false);
  const json::object record{{"kind", "listing"},    {"net", "2001:db8::/64"}, {"until", at(24h * 90)},
                            {"list", "bl.example"}, {"reason", "open relay"}, {"client_name", ""},
                            {"first", at(-24h)},    {"last", at(-1h)},        {"period_began", at(-24h)},
                            {"hits_in_period", 4},  {"hits", 12345},          {"bans", 3}};
  CHECK(table.page({record}) ==
        "NET            UNTIL                LEFT   HITS  LAST HIT             BANS  LIST        REASON\n"
        "2001:db8::/64  2027-02-20 12:00:00  90d   12345  2026-11-22 11:00:00     3  bl.example  open relay\n");
}

TEST_CASE("text of strangers is shown, not obeyed, and counted as it is shown") {
  const InZone zone("UTC0");
  RecordTable table(store::RecordKind::ban, now, false);
  CHECK(
      table.page({ban("192.0.2.1", 1s, "\x1b[2J", "b\xC3\xBCro\nNET", 1), ban("192.0.2.2", 1s, "\xC3\xBC", "r", 1)}) ==
      "NET        UNTIL                LEFT  RULE     OFFENCES  REASON\n"
      "192.0.2.1  2026-11-22 12:00:01  1s    \\x1b[2J         1  b\xC3\xBCro\\x0aNET\n"
      "192.0.2.2  2026-11-22 12:00:01  1s    \xC3\xBC               1  r\n");
}

TEST_CASE("a record of another release is shown as far as it is understood") {
  const InZone zone("UTC0");
  RecordTable table(store::RecordKind::grant, now, false);
  const json::object strange{{"net", 7}, {"until", "soon"}, {"logins", json::array{1, json::object{{"name", false}}}}};
  CHECK(table.page({strange, 7, json::object{{"until", 9e300}}}) ==
        "ADDRESS  UNTIL                LEFT  LAST LOGIN           LOGINS\n"
        "         1970-01-01 00:00:00  0s    1970-01-01 00:00:00\n"
        "         1970-01-01 00:00:00  0s    1970-01-01 00:00:00\n");
  const json::object far{{"until", std::numeric_limits<std::uint64_t>::max()}};
  CHECK(table.page({far}).find("36500d") != std::string::npos);
}

TEST_CASE("the heading is bold where there are colours") {
  const InZone zone("UTC0");
  RecordTable table(store::RecordKind::ban, now, true);
  const auto page = table.page({ban("192.0.2.1", 1h, "operator", "r", 1)});
  CHECK(page.starts_with("\x1b[1mNET "));
  CHECK(page.find("REASON\x1b[0m\n192.0.2.1") != std::string::npos);
}

TEST_CASE("an addition is one sentence") {
  const InZone zone("UTC0");
  CHECK(record_text(ban("192.0.2.0/24", 1h - 1s, "operator", "r", 1), now) ==
        "ban of 192.0.2.0/24 until 2026-11-22 12:59:59 (59m 59s)\n");
}

TEST_CASE("the status is some lines, and what is wrong is red") {
  const auto status = json::parse(R"({"ok":true,"version":"0.1.0","node":"mx1","pid":1234,"uptime_s":11520,
    "backend":"redis","store_up":true,"records_current":true,"records":{"ban":1,"grant":0,"listing":20},
    "decisions":1000,"decisions_per_s":17,"refused":{"odd":2,"client_rate":9},"connections":3,"sessions":1,
    "smtp_connections":5})")
                          .as_object();
  CHECK(status_text(status, false) ==
        "mxwardend 0.1.0 on mx1, process 1234, up 3h 12m\n"
        "store      redis, up\n"
        "records    1 ban, 0 grants, 20 listings\n"
        "decisions  1000, 17 in the last second\n"
        "refused    client_rate 9, odd 2\n"
        "open       3 policy connections, 5 SMTP connections, 1 tracked session\n");
  CHECK(status_text(status, true) == status_text(status, false));
  auto bad = status;
  bad["store_up"] = false;
  bad["records_current"] = false;
  bad["refused"] = json::object();
  bad["spared"] = json::array{"client_rate", "odd"};
  const auto plain = status_text(bad, false);
  CHECK(plain.find("store      redis, down\n") != std::string::npos);
  CHECK(plain.find("20 listings; those of other nodes may be missing\n") != std::string::npos);
  CHECK(plain.find("refused    nobody\n") != std::string::npos);
  CHECK(plain.ends_with(
      "guard      client_rate, odd: kept from clients with a good record, of whom too many were refused\n"));
  CHECK(status_text(bad, true).find("\x1b[31mdown\x1b[0m") != std::string::npos);
}

TEST_CASE("the status says what the firewall has reported, and what is wrong with it in red") {
  const auto lines = [](std::string_view firewall, bool colours) {
    const auto text =
        status_text(json::parse(R"({"ok":true,"firewall":)" + std::string(firewall) + "}").as_object(), colours);
    return text.substr(text.find("firewall"));
  };
  CHECK(lines("null", true) == "firewall   none reports\n");
  CHECK(lines(R"({"age_ms":1500,"mode":"enforce","healthy":true,"ban4":100,"ban6":7,"net4":2,"net6":0,"waiting":3,
                  "too_short":4,"guarded":5,"gave_way":6,"rebuilds":1,"refused_batches":8,"refused_elements":9,
                  "dropped":10,"lag_ms":1100,"checked_ms":2500})",
              true) ==
        "firewall   ban4 100, ban6 7, net4 2, net6 0 in the kernel, 3 waiting; found good 4s ago\n"
        "           10 packets dropped, 1 rebuild, 9 elements refused, 1100 ms behind\n");
  constexpr auto troubled = R"({"age_ms":0,"mode":"monitor","healthy":false,"trouble":"no \u001b table"})";
  CHECK(lines(troubled, false) ==
        "firewall   monitor mode: ban4 0, ban6 0, net4 0, net6 0 in the kernel, 0 waiting; not found good yet\n"
        "           0 packets dropped, 0 rebuilds, 0 elements refused\n"
        "           the kernel does not match the bans: no \\x1b table\n");
  CHECK(lines(troubled, true)
            .ends_with("\x1b[31m           the kernel does not match the bans: no \\x1b table\x1b[0m\n"));
  CHECK(lines(R"({"healthy":false,"age_ms":-9223372036854775808,"checked_ms":9223372036854775807})", false)
            .ends_with("does not match the bans: it does not say why\n"));
}

}  // namespace mxwarden::cli
