#include <doctest/doctest.h>

#include "conf/limit.hpp"

namespace mxwarden::conf {

using Test = Condition::Test;

TEST_CASE("conditions are joined by and") {
  const auto when = When::parse("not logged in and server_port in 587 465 and helo_name ~ ^\\[");
  REQUIRE(when.has_value());
  REQUIRE(when->conditions.size() == 3);
  CHECK(when->conditions[0].test == Test::logged_in);
  CHECK(when->conditions[0].negated);
  CHECK(when->conditions[1].attribute == Attribute::server_port);
  CHECK(when->conditions[1].values == std::vector<std::string>{"587", "465"});
  CHECK(when->conditions[2].test == Test::attribute_matches);
  CHECK(when->conditions[2].pattern.matches("[192.0.2.7]"));
  CHECK_FALSE(when->asks_for_login());
}

TEST_CASE("each comparison is read, with and without blanks around it") {
  struct Row {
    const char* text;
    Test test;
    bool negated;
    std::vector<std::string> values;
  };
  for (const auto& row : {
           Row{"logged in", Test::logged_in, false, {}},
           Row{"NOT Logged In", Test::logged_in, true, {}},
           Row{"sender = a@b.example", Test::attribute_in, false, {"a@b.example"}},
           Row{"sender=a@b.example", Test::attribute_in, false, {"a@b.example"}},
           Row{"sender != a@b.example", Test::attribute_in, true, {"a@b.example"}},
           Row{"server_port in 25", Test::attribute_in, false, {"25"}},
           Row{"server_port not in 25 587", Test::attribute_in, true, {"25", "587"}},
           Row{"listener = mx", Test::listener_in, false, {"mx"}},
           Row{"listener not in mx out", Test::listener_in, true, {"mx", "out"}},
           Row{"listener !~ ^mx", Test::listener_matches, true, {"^mx"}},
           Row{"helo_name ~ \"a b\\\"c\\d\"", Test::attribute_matches, false, {"a b\"c\\d"}},
           Row{"sasl_username = \"\"", Test::attribute_in, false, {""}},
           Row{"helo_name in \"and\" x", Test::attribute_in, false, {"and", "x"}},
       }) {
    CAPTURE(std::string(row.text));
    const auto when = When::parse(row.text);
    REQUIRE(when.has_value());
    REQUIRE(when->conditions.size() == 1);
    const auto& condition = when->conditions.front();
    CHECK(condition.test == row.test);
    CHECK(condition.negated == row.negated);
    CHECK(condition.values == row.values);
    CHECK(when->text == row.text);
  }
}

TEST_CASE("nothing holds always, and only a login that is asked for counts as one") {
  CHECK(When::parse("  ")->conditions.empty());
  CHECK(When::parse("size = 1 and logged in")->asks_for_login());
  CHECK_FALSE(When::parse("not logged in")->asks_for_login());
}

TEST_CASE("a condition on what a login gives asks for one") {
  for (const auto* text : {"sasl_username = newsletter", "size = 1 and sasl_username != bot",
                           "sasl_method in PLAIN LOGIN", "sasl_sender ~ @example", "sasl_username not in a b"}) {
    CAPTURE(std::string(text));
    CHECK(When::parse(text)->asks_for_login());
  }
  for (const auto* text : {"sender = a", "listener = sasl_username", "listener ~ sasl", "helo_name = sasl_username"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(When::parse(text)->asks_for_login());
  }
}

TEST_CASE("a fault in a condition is named") {
  std::string many = "size = 0";
  for (int at = 0; at < 16; ++at) many += " and size = 0";
  struct Row {
    std::string text;
    const char* says;
  };
  for (const auto& row : {
           Row{"logged out", "only `logged in' is allowed"},
           Row{"not sender = x", "after `not' only `logged in' is allowed"},
           Row{"sendr = x", "`sendr' cannot be asked for; did you mean sender?"},
           Row{"%%% = x", "`%%%' cannot be asked for; allowed are `logged in'"},
           Row{"sender", "only =, !=, in, not in, ~ and !~ are allowed"},
           Row{"sender is x", "only =, !=, in, not in, ~ and !~ are allowed"},
           Row{"sender =", "a value is missing at the end"},
           Row{"sender in", "a value is missing at the end"},
           Row{"sender = a b", "`b': between two conditions only `and' is allowed"},
           Row{"sender = a and", "cannot be asked for"},
           Row{"server_port in 25 not logged in", "a value was expected, not `not'"},
           Row{"server_port in 25 or logged in", "there is no `or'"},
           Row{"sender = and", "write \"and\""},
           Row{"helo_name = \"x", "a double quote is not closed"},
           Row{"helo_name ~ (", "`(' is not a regular expression in RE2 syntax"},
           Row{many, "at most 16 conditions are allowed"},
       }) {
    CAPTURE(std::string(row.text));
    const auto when = When::parse(row.text);
    REQUIRE(when.has_error());
    CAPTURE(when.error().message);
    CHECK(when.error().message.find(row.says) != std::string::npos);
  }
}

}  // namespace mxwarden::conf
