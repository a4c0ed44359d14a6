#include "policy/reply.hpp"

#include <doctest/doctest.h>

#include "base/escape.hpp"

namespace mxwarden::policy {
namespace {

conf::Action action(std::string_view text) {
  return conf::Action::parse(text).value();
}

}  // namespace

TEST_CASE("a refusal ends with the name of its rule") {
  CHECK(render(action("421 4.7.0 Too many"), {.rule = "client_rate"}) == "421 4.7.0 Too many [mxw:client_rate]");
  CHECK(render(action("REJECT"), {.rule = "connect"}) == "REJECT Access denied [mxw:connect]");
  CHECK(render(action("DUNNO"), {.rule = "connect"}) == "DUNNO");
}

TEST_CASE("placeholders are filled, and what they stand for cannot break the line") {
  CHECK(render(action("450 4.7.1 {client} hit {rule} by {list}: {reason}"),
               {.rule = "r", .client = "192.0.2.7", .list = "a\nb", .reason = "\xFF"}) ==
        "450 4.7.1 192.0.2.7 hit r by a?b: ? [mxw:r]");
}

TEST_CASE("a long text is cut between characters, before the mark") {
  std::string reason;
  for (int at = 0; at < 300; ++at) reason += "\xC3\xBC";
  for (const auto* before : {"", "x"}) {
    const auto reply = render(action(std::string("554 5.7.1 ") + before + "{reason}"), {.rule = "r", .reason = reason});
    CHECK(reply.size() <= 400);
    CHECK(is_utf8(reply));
    CHECK(reply.ends_with(" [mxw:r]"));
  }
}

}  // namespace mxwarden::policy
