// What other nodes, or other releases, have written: a record, and a list of the worst. Whatever stands there, it is
// refused, or it is read to something whose own text reads back to the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "policy/top_list.hpp"
#include "store/record.hpp"

using namespace mxwarden;

namespace {

void require(bool condition, std::string_view what, std::string_view text) {
  if (condition) return;
  std::cerr << what << ": " << text << '\n';
  std::abort();
}

void check_record(std::string_view text) {
  const auto record = store::parse_record(text);
  if (!record) return;
  const auto written = store::to_text(*record);
  const auto again = store::parse_record(written);
  require(again.has_value(), "a record that does not read back", written);
  require(store::to_text(*again) == written, "a record that reads back as something else", written);
}

void check_list(std::string_view text) {
  const auto list = policy::parse_top_list(text);
  if (!list) return;
  const auto written = policy::to_text(*list, text.size() + 1000);
  const auto again = policy::parse_top_list(written);
  require(again.has_value(), "a list that does not read back", written);
  require(policy::to_text(*again, written.size() + 1000) == written, "a list that reads back as something else",
          written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_record(text);
  check_list(text);
  return 0;
}
