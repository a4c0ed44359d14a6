#include "store/wake_timer.hpp"

#include <doctest/doctest.h>

#include "base/clock.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;

TEST_CASE("who wants to be woken is woken once, at the time said last, or not at all") {
  boost::asio::io_context context;
  SystemClock clock;
  const auto begin = clock.now();
  int woken = 0;
  store::WakeTimer timer(context, [&] { ++woken; });

  timer.set(begin + 1h);
  timer.set(begin + 5ms);
  timer.set(begin + 5ms);
  context.run();
  CHECK(woken == 1);
  CHECK(clock.now() >= begin + 5ms);

  timer.set(begin);
  timer.set({});
  context.restart();
  context.run();
  CHECK(woken == 1);

  timer.set(begin);
  context.restart();
  context.run();
  CHECK(woken == 2);
}
