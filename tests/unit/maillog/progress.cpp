#include "maillog/once/progress.hpp"

#include <doctest/doctest.h>

#include <sstream>

namespace mxwarden::maillog {
namespace {

using namespace std::chrono_literals;

constexpr Instant began{1h};
constexpr std::size_t wide = 200;

}  // namespace

TEST_CASE("the share, the rate and the time left are those of what was read so far") {
  const Progress progress(began, 1000, wide);
  CHECK(progress.text({.bytes = 0, .lines = 0}, began) == "[                    ]   0 %  0 lines  0/s");
  CHECK(progress.text({.bytes = 250, .lines = 4000}, began + 2s) ==
        "[#####               ]  25 %  4,000 lines  2,000/s  6s left");
  CHECK(progress.text({.bytes = 999, .lines = 1234567}, began + 10s) ==
        "[################### ]  99 %  1,234,567 lines  123,456/s  1s left");
  CHECK(progress.text({.bytes = 1000, .lines = 10}, began + 10s) ==
        "[####################]  100 %  10 lines  1/s  0s left");
}

TEST_CASE("a log that grows while it is read is never more than read") {
  const Progress progress(began, 1000, wide);
  CHECK(progress.text({.bytes = 1500, .lines = 10}, began + 1s).starts_with("[####################]  100 %"));
}

TEST_CASE("of a pipe there is no share") {
  const Progress progress(began, std::nullopt, wide);
  CHECK(progress.text({.bytes = 1500, .lines = 10'000}, began + 4s) == "10,000 lines  2,500/s");
  CHECK(Progress(began, 0, wide).text({.bytes = 1500, .lines = 1}, began + 1s) == "1 lines  1/s");
}

TEST_CASE("nothing is shown within the first second, and then five times a second") {
  Progress progress(began, std::nullopt, wide);
  std::ostringstream terminal;
  const auto shown_at = [&](Duration later) {
    terminal.str("");
    progress.show(terminal, {.bytes = 1, .lines = 1}, began + later);
    return !terminal.str().empty();
  };
  CHECK_FALSE(shown_at(0s));
  CHECK_FALSE(shown_at(999ms));
  CHECK(shown_at(1s));
  CHECK_FALSE(shown_at(1199ms));
  CHECK(shown_at(1200ms));
  CHECK(shown_at(10s));
  CHECK_FALSE(shown_at(10s));
}

TEST_CASE("what was never shown is not taken away") {
  Progress progress(began, std::nullopt, wide);
  std::ostringstream terminal;
  progress.take_away(terminal);
  CHECK(terminal.str().empty());
  progress.show(terminal, {.bytes = 1, .lines = 3}, began + 1s);
  CHECK(terminal.str() == "\r\x1b[K3 lines  3/s");
  progress.take_away(terminal);
  progress.take_away(terminal);
  CHECK(terminal.str() == "\r\x1b[K3 lines  3/s\r\x1b[K");
}

TEST_CASE("a narrow terminal gets as much as fits without a second row") {
  Progress progress(began, std::nullopt, 5);
  std::ostringstream terminal;
  progress.show(terminal, {.bytes = 1, .lines = 3}, began + 1s);
  CHECK(terminal.str() == "\r\x1b[K3 li");
}

}  // namespace mxwarden::maillog
