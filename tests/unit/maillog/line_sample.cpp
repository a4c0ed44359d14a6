#include "maillog/once/line_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

namespace mxwarden::maillog {
namespace {

// A word without a digit for each number.
std::string word(std::size_t number) {
  std::string text;
  for (; number > 0; number /= 26) text += static_cast<char>('a' + number % 26);
  return text.empty() ? "a" : text;
}

}  // namespace

TEST_CASE("lines that differ in words with digits alone are one sort") {
  LineSample sample;
  sample.add(3, "postfix/smtpd", "3D3E3A72556: odd thing from host.example[198.51.100.7]:4711");
  sample.add(9, "postfix/smtpd", "4F1A: odd thing from other.example[2001:db8::1]:25");
  sample.add(10, "postfix/smtpd", "4F1A: another thing from other.example[2001:db8::1]:25");
  sample.add(11, "postfix/smtps", "4F1A: odd thing from other.example[2001:db8::1]:25");
  const auto picked = sample.pick(20);
  REQUIRE(picked.size() == 3);
  CHECK(picked[0].line == 3);
  CHECK(picked[0].times == 2);
  CHECK(picked[0].program == "postfix/smtpd");
  CHECK(picked[0].text == "3D3E3A72556: odd thing from host.example[198.51.100.7]:4711");
  CHECK(picked[1].line == 10);
  CHECK(picked[2].program == "postfix/smtps");
}

TEST_CASE("programs take turns, so that a loud one leaves room for the others") {
  LineSample sample;
  for (std::size_t line = 1; line <= 500; ++line) sample.add(line, "loud", word(line));
  sample.add(501, "quiet", "one");
  sample.add(502, "quiet", "two");
  const auto picked = sample.pick(20);
  CHECK(picked.size() == 20);
  CHECK(std::ranges::count(picked, "quiet", &LineSample::Sort::program) == 2);
}

TEST_CASE("half of a program's sorts are its most frequent ones, the others are spread over the log") {
  LineSample sample;
  for (std::size_t line = 1; line <= 1000; ++line) {
    sample.add(line, "one", line % 100 == 0 ? "often" : line % 50 == 0 ? "now and then" : word(line));
  }
  const auto picked = sample.pick(6);
  REQUIRE(picked.size() == 6);
  const auto has = [&](std::string_view text, std::uint64_t times) {
    return std::ranges::any_of(picked, [&](const auto& sort) { return sort.text == text && sort.times == times; });
  };
  CHECK(has("often", 10));
  CHECK(has("now and then", 10));
  std::set<std::uint64_t> thirds;
  for (const auto& sort : picked) {
    if (sort.times == 1 && sort.line > 1) thirds.insert((sort.line - 1) * 3 / 1000);
  }
  CHECK(thirds.size() == 3);
}

TEST_CASE("of more sorts than are remembered the frequent ones stay, and the others are still spread over the log") {
  LineSample sample;
  constexpr std::size_t lines = 200'000;
  for (std::size_t line = 1; line <= lines; ++line) {
    sample.add(line, "one", line % 50 == 0 ? "often" : word(line));
  }
  const auto picked = sample.pick(20);
  REQUIRE(picked.size() == 20);
  CHECK(std::ranges::any_of(picked, [](const auto& sort) { return sort.text == "often" && sort.times == lines / 50; }));
  CHECK(picked.back().line > lines * 3 / 4);
}

TEST_CASE("the same lines make the same sample") {
  LineSample one;
  LineSample other;
  for (std::size_t line = 1; line <= 10'000; ++line) {
    one.add(line, word(line % 7), word(line * 31));
    other.add(line, word(line % 7), word(line * 31));
  }
  const auto left = one.pick(20);
  const auto right = other.pick(20);
  CHECK(std::ranges::equal(left, right, {}, &LineSample::Sort::line, &LineSample::Sort::line));
}

TEST_CASE("a long line is kept in part") {
  LineSample sample;
  sample.add(1, std::string(5000, 'p'), std::string(5000, 'x'));
  sample.add(2, "", "");
  const auto picked = sample.pick(20);
  REQUIRE(picked.size() == 2);
  CHECK(picked[0].text.size() == LineSample::longest_text);
  CHECK(picked[0].program.size() == 64);
}

}  // namespace mxwarden::maillog
