#include "conf/action.hpp"

#include <doctest/doctest.h>

namespace mxwarden::conf {

TEST_CASE("an action is read and written as access(5) has it") {
  struct Row {
    const char* text;
    Action::Kind kind;
    const char* written;
    bool refuses;
  };
  for (const auto& row : {
           Row{"DUNNO", Action::Kind::dunno, "DUNNO", false},
           Row{"dunno", Action::Kind::dunno, "DUNNO", false},
           Row{"REJECT", Action::Kind::reject, "REJECT", true},
           Row{"reject  No thanks", Action::Kind::reject, "REJECT No thanks", true},
           Row{"DEFER later", Action::Kind::defer, "DEFER later", true},
           Row{"DEFER_IF_PERMIT 4.3.0 unsure", Action::Kind::defer_if_permit, "DEFER_IF_PERMIT 4.3.0 unsure", true},
           Row{"defer_if_reject", Action::Kind::defer_if_reject, "DEFER_IF_REJECT", false},
           Row{"HOLD have a look", Action::Kind::hold, "HOLD have a look", false},
           Row{"450 4.7.1 Too much from {client} [{rule}]", Action::Kind::reply,
               "450 4.7.1 Too much from {client} [{rule}]", true},
           Row{"421 4.7.0\tTabs part words", Action::Kind::reply, "421 4.7.0 Tabs part words", true},
           Row{"550 No status", Action::Kind::reply, "550 No status", true},
           Row{"550 5.7.1000 is no status and so it is text", Action::Kind::reply,
               "550 5.7.1000 is no status and so it is text", true},
           Row{"554 5.7.1 gr\u00fc\u00df dich", Action::Kind::reply, "554 5.7.1 gr\u00fc\u00df dich", true},
       }) {
    CAPTURE(std::string(row.text));
    const auto action = Action::parse(row.text);
    REQUIRE(action.has_value());
    CHECK(action->kind() == row.kind);
    CHECK(action->to_string() == row.written);
    CHECK(action->refuses() == row.refuses);
    CHECK(Action::parse(action->to_string())->to_string() == row.written);
  }
}

TEST_CASE("what stands before the text is kept apart from it") {
  const auto action = Action::parse("421 4.7.0 Go away");
  REQUIRE(action.has_value());
  CHECK(action->word() == "421 4.7.0");
  CHECK(action->text() == "Go away");
}

TEST_CASE("what could open a relay, or is not an action, is refused") {
  struct Row {
    const char* label;
    std::string text;
    const char* says;
  };
  for (const auto& row : {
           Row{"nothing", "", "`' is not an action; allowed are DUNNO"},
           Row{"permits", "OK", "`OK' is not an action"},
           Row{"permits too", "250 fine", "`250' is not an action"},
           Row{"a bare number permits", "42", "`42' is not an action"},
           Row{"a restriction's name", "permit_mynetworks", "`permit_mynetworks' is not an action"},
           Row{"a reply needs a text", "450", "`450' needs a text"},
           Row{"a reply with a status needs a text", "450 4.7.1", "`450 4.7.1' needs a text"},
           Row{"classes differ", "450 5.7.1 no", "status 5.7.1 does not go with 450; it must begin with 4."},
           Row{"a code of four digits", "4500 text", "`4500' is not an action"},
           Row{"DUNNO with a text", "DUNNO really", "DUNNO takes no text"},
           Row{"DISCARD", "DISCARD", "DISCARD is allowed for Connect entries of the access table alone"},
           Row{"too long", "REJECT " + std::string(301, 'x'), "the text has 301 bytes, at most 300 are allowed"},
           Row{"not UTF-8", "REJECT \xff", "must be valid UTF-8 without control characters"},
           Row{"a control character", "REJECT a\nb", "must be valid UTF-8 without control characters"},
           Row{"a C1 control character", "REJECT a\xc2\x85", "must be valid UTF-8 without control characters"},
           Row{"an unknown placeholder", "REJECT {clinet}", "`{clinet}' is not a placeholder; allowed are {client}"},
           Row{"an open placeholder", "REJECT {client", "is not a placeholder"},
       }) {
    CAPTURE(std::string(row.label));
    const auto action = Action::parse(row.text);
    REQUIRE(action.has_error());
    CAPTURE(action.error().message);
    CHECK(action.error().message.find(row.says) != std::string::npos);
  }
}

TEST_CASE("an entry of the access table may also discard, which is no refusal") {
  const auto action = Action::parse_connect("DISCARD spam");
  REQUIRE(action.has_value());
  CHECK(action->kind() == Action::Kind::discard);
  CHECK_FALSE(action->refuses());
}

}  // namespace mxwarden::conf
