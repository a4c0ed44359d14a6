#include "store/sentinel_vote.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

using namespace mxwarden;
using store::SentinelVoice;
using store::SocketAddress;

namespace {

// One letter for each sentinel: an upper-case one names the master so called, `.' cannot be heard, `?' is being asked.
std::vector<SentinelVoice> voices(std::string_view letters) {
  std::vector<SentinelVoice> result;
  for (const char letter : letters) {
    auto& voice = result.emplace_back();
    voice.is_busy = letter == '?';
    if (letter >= 'A' && letter <= 'Z')
      voice.names = SocketAddress{*Address::parse("192.0.2.1"), static_cast<std::uint16_t>(letter)};
  }
  return result;
}

// The letter of the master, or a blank.
char named(std::string_view letters, bool in_need) {
  const auto master = store::vote(voices(letters), in_need);
  return master ? static_cast<char>(master->port) : ' ';
}

}  // namespace

TEST_CASE("sentinels are believed when all who are heard agree and are more than half, in need the most") {
  struct Row {
    std::string_view letters;
    char otherwise;
    char in_need;
  };
  for (const auto& row : {
           Row{"A", 'A', 'A'},
           Row{".", ' ', ' '},
           Row{"AA", 'A', 'A'},
           Row{"A.", ' ', 'A'},
           Row{"AAA", 'A', 'A'},
           Row{".AA", 'A', 'A'},
           Row{"..A", ' ', 'A'},
           Row{"ABB", ' ', 'B'},
           Row{"BAB", ' ', 'B'},
           Row{"AB.", ' ', 'A'},
           Row{"ABC", ' ', 'A'},
           Row{"AABBB", ' ', 'B'},
           Row{"...", ' ', ' '},
           Row{"", ' ', ' '},
       }) {
    CAPTURE(row.letters);
    CHECK(named(row.letters, false) == row.otherwise);
    CHECK(named(row.letters, true) == row.in_need);
  }
}

TEST_CASE("who is being asked is waited for") {
  for (const std::string_view letters : {"?", "AA?", "?AA", "A?."}) {
    CAPTURE(letters);
    CHECK(named(letters, false) == ' ');
    CHECK(named(letters, true) == ' ');
  }
}
