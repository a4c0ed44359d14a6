// Whatever comes in, and however it is split, gives the same requests or the same complaint, in bounded memory.
//
// The first four bytes of the input choose how it is split, the rest is the stream.

#include "server/request_parser.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace mxwarden;
using server::RequestParser;
using Outcome = RequestParser::Outcome;

struct Parsed {
  std::vector<std::string> values;
  std::string reason;

  bool operator==(const Parsed&) const = default;
};

void require(bool holds) {
  if (!holds) std::abort();
}

template <class NextSize>
Parsed parse(std::string_view text, NextSize next_size) {
  RequestParser parser;
  policy::Request request;
  Parsed parsed;
  auto outcome = Outcome::need_more;
  while (!text.empty() && outcome != Outcome::malformed) {
    const auto room = parser.prepare();
    require(!room.empty());
    require(parser.capacity() <= RequestParser::Limits::request + 1024);
    const auto size = std::min({room.size(), text.size(), std::size_t{next_size()}});
    std::memcpy(room.data(), text.data(), size);
    parser.commit(size);
    text.remove_prefix(size);
    while ((outcome = parser.next(request)) == Outcome::request) {
      require(request[Attribute::request] == "smtpd_access_policy");
      for (const auto value : request.values) parsed.values.emplace_back(value);
    }
  }
  parsed.reason = parser.reason();
  require((outcome == Outcome::malformed) == !parsed.reason.empty());
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t seed = 0;
  if (size < sizeof seed) return 0;
  std::memcpy(&seed, data, sizeof seed);
  const std::string_view text{reinterpret_cast<const char*>(data) + sizeof seed, size - sizeof seed};

  const auto whole = parse(text, [&] { return text.size(); });
  std::minstd_rand random(seed);
  std::uniform_int_distribution<std::size_t> piece(1, 1 + seed % 700);
  require(parse(text, [&] { return piece(random); }) == whole);
  require(parse(text, [] { return std::size_t{1}; }) == whole);
  for (std::size_t first = 1; first < std::min<std::size_t>(text.size(), 16); ++first) {
    auto next = first;
    require(parse(text, [&] { return std::exchange(next, text.size()); }) == whole);
  }
  return 0;
}
