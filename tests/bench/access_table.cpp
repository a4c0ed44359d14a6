// How long an access table of 100,000 entries takes to be read, and how long a look-up takes. Not a test.
//
// Addresses, nets of 22 lengths and names, in the proportions of a large sendmail site; look-ups for clients of which
// about half have an entry.

#include "conf/access_table.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <random>

namespace {

using namespace mxwarden;
using Seconds = std::chrono::duration<double>;

constexpr int entry_count = 100'000;
constexpr int look_ups = 2'000'000;

Address random_address(std::mt19937& random, bool ipv6) {
  std::array<unsigned char, 16> bytes{};
  for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
  if (!ipv6) return Address::from_bytes(Address::Family::ipv4, bytes.data());
  bytes[0] = 0x20;
  return Address::from_bytes(Address::Family::ipv6, bytes.data());
}

struct Client {
  Address address;
  std::string name;
};

std::string make_table(std::mt19937& random, std::vector<Client>& clients) {
  std::string text;
  for (int at = 0; at < entry_count; ++at) {
    const bool ipv6 = at % 8 == 0;
    const auto address = random_address(random, ipv6);
    const auto name = fmt::format("host{}.domain{}.example", at, random() % 5000);
    clients.push_back({at % 2 == 0 ? address : random_address(random, ipv6), name});
    switch (at % 4) {
      case 0:
        text += fmt::format("Connect:{} ERROR:5.7.1:550 We take no mail from you\n", address.to_string());
        break;
      case 1:
        text += fmt::format("Connect:{} REJECT\n", Prefix(address, 10 + static_cast<int>(random() % 22)).to_string());
        break;
      case 2:
        text += fmt::format("ClientRate:{}\t{}\n", address.to_string(), random() % 100);
        break;
      default:
        text += fmt::format("Connect:{} OK\n", name);
    }
  }
  return text;
}

// The processor's time, which other programs on the machine lengthen less.
Seconds since(std::clock_t begin) {
  return Seconds(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
}

}  // namespace

int main() {
  std::mt19937 random(1);
  std::vector<Client> clients;
  const auto text = make_table(random, clients);
  auto begin = std::clock();
  conf::Report report;
  const auto table = conf::AccessTable::parse(text, "access", report);
  fmt::print("read {} entries, {} bytes, in {:.0f} ms of processor time ({} repeated nets)\n", table.size(),
             text.size(), since(begin).count() * 1e3, report.faults.size());

  std::size_t found = 0;
  begin = std::clock();
  for (int at = 0; at < look_ups; ++at) {
    // A stride that jumps about in memory, as clients do.
    const auto& client = clients[static_cast<std::size_t>(at) * 7919 % clients.size()];
    found += table.match(&client.address, client.name)[conf::AccessTag::connect] != nullptr ? 1 : 0;
  }
  fmt::print("look-up: {:.0f} ns, {} of {} found\n", since(begin).count() * 1e9 / look_ups, found, look_ups);
  return 0;
}
