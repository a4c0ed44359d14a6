#include "base/table.hpp"

#include <doctest/doctest.h>

#include <array>

#include "support/in_zone.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;

constexpr std::array columns{Column{"NAME"}, Column{"COUNT", true}, Column{"WHAT"}};

}  // namespace

TEST_CASE("columns are as wide as their widest cell, and numbers end below each other") {
  Table table(columns, false);
  CHECK(table.page({{"a", "7", "one"}, {"longer", "12345678", ""}}) ==
        "NAME       COUNT  WHAT\n"
        "a              7  one\n"
        "longer  12345678\n");
}

TEST_CASE("a character of several bytes is as wide as any other") {
  Table table(columns, false);
  CHECK(table.page({{"\xC3\xA9t\xC3\xA9", "1", "x"}, {"wide", "2", "x"}}) ==
        "NAME  COUNT  WHAT\n"
        "\xC3\xA9t\xC3\xA9       1  x\n"
        "wide      2  x\n");
}

TEST_CASE("where there is nothing there is no heading") {
  Table table(columns, true);
  CHECK(table.page({}).empty());
  CHECK(table.page({{"a", "1", "x"}}) == "\x1b[1mNAME  COUNT  WHAT\x1b[0m\na         1  x\n");
}

TEST_CASE("a long number has commas") {
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999) == "999");
  CHECK(with_commas(1000) == "1,000");
  CHECK(with_commas(123456) == "123,456");
  CHECK(with_commas(1234567) == "1,234,567");
}

TEST_CASE("times are those of the process's zone") {
  const InZone zone("CET-1");
  CHECK(local_time(1795348800123) == "2026-11-22 13:00:00");
}

TEST_CASE("the time left is said in its two largest units") {
  struct Row {
    Duration left;
    const char* text;
  };
  for (const auto& row : {Row{-1s, "0s"}, Row{0s, "0s"}, Row{999ms, "0s"}, Row{1s, "1s"}, Row{59s, "59s"},
                          Row{60s, "1m"}, Row{3599s, "59m 59s"}, Row{1h, "1h"}, Row{1h + 59s, "1h"},
                          Row{25h + 30min, "1d 1h"}, Row{24h * 3650, "3650d"}}) {
    CAPTURE(row.text);
    CHECK(time_left(row.left) == row.text);
  }
}

}  // namespace mxwarden
