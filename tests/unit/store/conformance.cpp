#include <doctest/doctest.h>

#include "store/embedded_store.hpp"
#include "support/store_conformance.hpp"

using namespace mxwarden;

namespace {

tests::StoreUnderTest embedded_store() {
  tests::StoreUnderTest under_test;
  under_test.store = std::make_unique<store::EmbeddedStore>(store::EmbeddedStore::Options{2000, 7});
  return under_test;
}

}  // namespace

TEST_CASE("the embedded store keeps every promise of the store") {
  tests::check_store_conformance(embedded_store);
}

TEST_CASE("the embedded store keeps the promises of gauges, with itself as the only node") {
  tests::check_gauge_conformance(embedded_store);
}

TEST_CASE("a completion may ask again without disturbing the answers it reads") {
  store::EmbeddedStore embedded({100, 7});
  store::Batch outer;
  outer.now = ManualClock().now();
  outer.counts = {tests::counted("client:a", {{std::chrono::seconds(60), 5}})};
  store::Batch inner = outer;
  inner.counts[0].n = 3;
  std::uint64_t inner_count = 0;
  embedded.execute(outer, outer.now, [&](store::Answers answers) {
    embedded.execute(inner, inner.now, [&](store::Answers more) { inner_count = more[0].count; });
    CHECK(answers[0].count == 1);
  });
  CHECK(inner_count == 0);
  embedded.flush();
  CHECK(inner_count == 4);
}
