#include "base/idna.hpp"

#include <doctest/doctest.h>

namespace mxwarden {

TEST_CASE("a name in UTF-8 gets its A-labels") {
  CHECK(to_a_labels("b\xC3\xBC"
                    "cher.example")
            .value() == "xn--bcher-kva.example");
  CHECK(to_a_labels("xn--bcher-kva.example").value() == "xn--bcher-kva.example");
}

TEST_CASE("what IDNA does not allow is an error that names it") {
  const auto refused = to_a_labels("\xE2\x82\xAC\xCC\x81-\xE2\x80\x8B.example");
  REQUIRE(refused.has_error());
  CHECK(refused.error().message.find("cannot be a name in the DNS") != std::string::npos);
}

}  // namespace mxwarden
