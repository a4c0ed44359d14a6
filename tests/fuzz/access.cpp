// The reader of the access table and its look-ups: every fault is within the file, and whatever client asks gets an
// entry of his, or none.
//
// Input: the file; then, after a zero byte, a client's address as 16 bytes and his name.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "conf/access_line.hpp"
#include "conf/access_table.hpp"

using namespace mxwarden;
using namespace mxwarden::conf;

namespace {

constexpr std::array tags{AccessTag::connect,     AccessTag::client_rate, AccessTag::client_conn,
                          AccessTag::greet_pause, AccessTag::max_rcpt,    AccessTag::login_rate};

void require(bool condition, const std::string& what) {
  if (condition) return;
  std::cerr << what << '\n';
  std::abort();
}

void check_places(const std::vector<Fault>& faults, std::ptrdiff_t lines) {
  for (const auto& fault : faults) {
    require(fault.where.line >= 1 && fault.where.line <= lines, "a fault that is nowhere: " + fault.to_string());
    require(!fault.what.empty(), "a fault without a word");
  }
}

void check_found(const AccessEntry* entry, AccessTag tag, std::ptrdiff_t lines) {
  if (entry == nullptr) return;
  require(entry->line >= 1 && entry->line <= lines, "an entry that is nowhere: " + entry->key);
  require(parse_access_key(tag, entry->key).has_value(), "an entry whose key is none: " + entry->key);
  require((tag == AccessTag::connect) == entry->numbers.empty(), "an entry of another tag: " + entry->key);
}

// An entry that was found by a net covers the address.
void check_covers(const AccessEntry* entry, AccessTag tag, const Address& address) {
  if (entry == nullptr) return;
  const auto key = parse_access_key(tag, entry->key);
  if (const auto* net = std::get_if<Prefix>(&*key)) {
    require(net->contains(address), "an entry that does not cover " + address.to_string() + ": " + entry->key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto text = input.substr(0, input.find('\0'));
  auto client = input.substr(std::min(text.size() + 1, input.size()));
  std::array<unsigned char, 16> bytes{};
  const auto address_size = std::min(bytes.size(), client.size());
  std::copy_n(client.begin(), address_size, bytes.begin());
  const auto name = client.substr(address_size);
  const auto lines = std::ranges::count(text, '\n') + 1;

  Report report;
  const auto table = AccessTable::parse(text, "file", report);
  check_places(report.faults, lines);
  check_places(report.warnings, lines);
  for (const auto tag : tags) {
    check_found(table.match(nullptr, name)[tag], tag, lines);
    for (const auto family : {Address::Family::ipv4, Address::Family::ipv6}) {
      const auto address = Address::from_bytes(family, bytes.data());
      const auto* entry = table.match(&address, name)[tag];
      check_found(entry, tag, lines);
      check_covers(entry, tag, address);
    }
  }
  check_found(table.find_login(name), AccessTag::login_rate, lines);
  return 0;
}
