#include "conf/net_index.hpp"

#include <doctest/doctest.h>

#include <random>

namespace mxwarden::conf {
namespace {

// Few different bits, so that nets nest, touch and repeat.
Address random_address(std::mt19937& random, Address::Family family) {
  std::array<unsigned char, 16> bytes{};
  for (auto& byte : bytes) byte = std::array<unsigned char, 4>{0, 1, 0x80, 0xff}[random() % 4];
  return Address::from_bytes(family, bytes.data());
}

// The first of those that are there twice.
std::optional<std::uint32_t> longest(const std::vector<Prefix>& nets, const Address& address) {
  std::optional<std::uint32_t> best;
  for (std::uint32_t at = 0; at < nets.size(); ++at) {
    if (nets[at].contains(address) && (!best || nets[at].length() > nets[*best].length())) best = at;
  }
  return best;
}

}  // namespace

TEST_CASE("the longest prefix is found, as if each net had been looked at") {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const auto family = round % 2 == 0 ? Address::Family::ipv4 : Address::Family::ipv6;
    const int bits = family == Address::Family::ipv4 ? 32 : 128;
    NetIndex index;
    std::vector<Prefix> nets;
    const auto count = random() % 30;
    for (std::uint32_t at = 0; at < count; ++at) {
      nets.emplace_back(random_address(random, family), static_cast<int>(random() % static_cast<unsigned>(bits + 1)));
      index.insert(nets.back(), at);
    }
    for (const auto& [first, again] : index.finish()) {
      CHECK(nets[first] == nets[again]);
      CHECK(first < again);
    }
    for (int question = 0; question < 50; ++question) {
      const auto address = random_address(random, family);
      CHECK(index.find(address) == longest(nets, address));
    }
    for (const auto& net : nets) CHECK(index.find(net.address()) == longest(nets, net.address()));
  }
}

}  // namespace mxwarden::conf
