#include "store/back_off.hpp"

#include <algorithm>

namespace mxwarden::store {
namespace {

constexpr Duration longest = std::chrono::seconds(5);

}  // namespace

Duration BackOff::next() {
  const Duration half = whole_ / 2;
  const auto more = static_cast<Duration::rep>(chance() % static_cast<std::uint64_t>(half.count() + 1));
  whole_ = std::min(2 * whole_, longest);
  return half + Duration(more);
}

// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
std::uint64_t BackOff::chance() {
  std::uint64_t mixed = chance_ += 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ mixed >> 30U) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ mixed >> 27U) * 0x94d049bb133111ebU;
  return mixed ^ mixed >> 31U;
}

}  // namespace mxwarden::store
