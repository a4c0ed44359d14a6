#include "maillog/tally.hpp"

#include <doctest/doctest.h>

using namespace mxwarden;
using namespace mxwarden::maillog;

namespace {

Recognised seen(Recognised::What what) {
  Recognised recognised;
  recognised.what = what;
  return recognised;
}

}  // namespace

TEST_CASE("a summary counts what happened since the one before") {
  Tally tally;
  auto login = seen(Recognised::What::event);
  login.event.emplace().kind = policy::EventKind::login_succeeded;
  const auto unknown = seen(Recognised::What::unknown);
  tally.see(&login);
  tally.see(&login);
  tally.see(&unknown);
  tally.see(nullptr);
  CHECK(tally.take() == "lines=4 unknown=1 no_log=1 login_succeeded=2");
  CHECK(tally.take() == "lines=0 unknown=0 no_log=0");
}

TEST_CASE("a thousand lines of which none is recognised are told once, until one was") {
  Tally tally;
  const auto other = seen(Recognised::What::other_program);
  const auto known = seen(Recognised::What::known);
  const auto told = [&](int lines) {
    int count = 0;
    for (int line = 0; line < lines; ++line) count += tally.see(line % 2 == 0 ? &other : nullptr) ? 1 : 0;
    return count;
  };
  CHECK(told(999) == 0);
  CHECK(told(1) == 1);
  CHECK(told(5000) == 0);
  tally.see(&known);
  SUBCASE("then of those that might be") {
    CHECK(told(1998) == 0);
    CHECK(told(2) == 1);
  }
  SUBCASE("and not of those of other programs") {
    for (int line = 0; line < 5000; ++line) CHECK(!tally.see(&other));
  }
}
