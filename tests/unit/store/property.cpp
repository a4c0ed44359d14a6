// The counting promise against a log that remembers everything.

#include "support/store_property.hpp"

#include <doctest/doctest.h>

#include "store/embedded_store.hpp"

using namespace mxwarden;

TEST_CASE("100,000 random events: never more than the limit, no refusal without cause, every retry_after exact") {
  tests::StoreUnderTest under_test;
  under_test.store = std::make_unique<store::EmbeddedStore>(store::EmbeddedStore::Options{1000, 7});
  tests::check_counting_promise(std::move(under_test), ManualClock().now(), 100'000);
}
