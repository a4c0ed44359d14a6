#include "cli/top.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <ctime>

#include "support/in_zone.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;

json::object answer(std::string_view entries, std::string_view more = "") {
  return json::parse(R"({"ok":true,"by":"rejected","since_ms":86400000,"covers_ms":86461000,"floor":3,
      "nodes":["mx1","mx2"])" +
                     std::string(more) + R"(,"entries":[)" + std::string(entries) + "]}")
      .as_object();
}

constexpr std::string_view two =
    R"({"client":"203.0.113.7","count":1234,"error":0,"rule":"client_rate","last":1795348800123},
       {"client":"2001:db8:1:2::/64","count":900,"error":77,"rule":"","last":1795348700000})";

}  // namespace

TEST_CASE("the worst are a table, below what it is of") {
  const InZone zone("UTC0");
  TopTable table(*find_top_category("rejected"), false);
  CHECK(table.page(answer(two)) ==
        "requests of clients that were refused in the last 1d, counted by mx1, mx2\n"
        "RANK  CLIENT             AT LEAST  AT MOST  RULE         LAST SEEN\n"
        "   1  203.0.113.7            1234           client_rate  2026-11-22 12:00:00\n"
        "   2  2001:db8:1:2::/64       823      900               2026-11-22 11:58:20\n");
  CHECK(table.page(answer(R"({"client":"192.0.2.1","count":1,"error":0,"rule":"ban","last":1795348800123})")) ==
        "   3  192.0.2.1                 1           ban          2026-11-22 12:00:00\n");
  CHECK(table.page(answer("")).empty());
}

TEST_CASE("when there is nobody, it is said of whom") {
  TopTable table(*find_top_category("login"), false);
  CHECK(table.page(answer("")) == "recipients that logins asked for in the last 1d, counted by mx1, mx2\nnobody\n");
}

TEST_CASE("each category names whom it is of") {
  struct Row {
    const char* name;
    const char* member;
  };
  for (const auto& row : {Row{"rejected", "client"}, Row{"rate", "client"}, Row{"login", "login"},
                          Row{"banned", "client"}, Row{"network", "network"}, Row{"bad-recipients", "client"}}) {
    CAPTURE(row.name);
    const auto* category = find_top_category(row.name);
    REQUIRE(category != nullptr);
    TopTable table(*category, false);
    const json::object entry{{row.member, "who"}, {"count", 1}, {"error", 0}, {"rule", "r"}, {"last", 0}};
    CHECK(table.page(answer(json::serialize(entry))).find("   1  who ") != std::string::npos);
  }
  CHECK(find_top_category("bad_recipients") == nullptr);
}

TEST_CASE("for programs each entry is a line that names the nodes") {
  CHECK(top_lines(answer(R"({"client":"192.0.2.1","count":5,"error":1,"rule":"ban","last":7})")) ==
        R"({"client":"192.0.2.1","count":5,"error":1,"rule":"ban","last":7,"covers_ms":86461000,"nodes":["mx1","mx2"]})"
        "\n");
  CHECK(top_lines(answer("")).empty());
}

TEST_CASE("what is missing is said") {
  CHECK(top_warnings(answer("")).empty());
  CHECK(top_warnings(answer("", R"(,"silent":["mx3","mx\u001b4"],"alone":"store away: no answer in time")")) ==
        std::vector<std::string>{"what other nodes have counted is missing: store away: no answer in time",
                                 "the node mx3 is silent, and what it has counted is missing",
                                 "the node mx\\x1b4 is silent, and what it has counted is missing"});
  CHECK(top_warnings(answer("", R"(,"partial":[{"node":"mx2","covers_ms":300000},7])")) ==
        std::vector<std::string>{"the node mx2 has counted for 5m only"});
}

TEST_CASE("text of strangers does nothing to a terminal, and an answer of another release nothing to the table") {
  const InZone zone("UTC0");
  TopTable table(*find_top_category("login"), false);
  const auto text = table.page(answer(
      R"({"login":"a\u001b[31mb","count":-5,"error":9,"rule":7,"last":"x"}, 8, {"login":[],"error":-1,"more":1})"));
  CHECK(text.find("a\\x1b[31mb") != std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(table.page({}).empty());
}

}  // namespace mxwarden::cli
