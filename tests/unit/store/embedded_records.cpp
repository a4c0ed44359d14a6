#include "store/embedded_records.hpp"

#include <doctest/doctest.h>

#include "support/records_conformance.hpp"

using namespace mxwarden;

TEST_CASE("embedded records keep every promise of records") {
  tests::check_records_conformance([] {
    const auto clock = std::make_shared<ManualClock>();
    tests::RecordsUnderTest under_test;
    under_test.records = std::make_unique<store::EmbeddedRecords>(*clock);
    under_test.clock = clock.get();
    under_test.pass = [clock](Duration time) { clock->advance(time); };
    return under_test;
  });
}
