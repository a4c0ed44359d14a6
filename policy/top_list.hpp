#pragma once
// A list of the worst: what one node has counted of whom, and what several have counted together. Pure.
//
// Counts come from summaries that forget (policy/space_saving.hpp), so each is known between two bounds: the true one
// is count - error at least and count at most, and who is not in the list has made `floor` at most. Lists are in the
// order of what is certain, count - error, so that nobody ranks high by what others have made.
//
// Lists of several nodes become one as summaries are merged: P. K. Agarwal, G. Cormode, Z. Huang, J. M. Phillips, Z.
// Wei, K. Yi, "Mergeable summaries", PODS 2012. Bounds are added, and who is missing in one list has its floor there.
//
// The text form is for other nodes: a line `1 COVERS_MS FLOOR`, then for each entry, the worst first, a line
// `COUNT ERROR LAST_MS RULE NAME`, where RULE is `-` if there is none and NAME goes on to the end of the line. The
// first 1 is the version; a release that does not know it passes the list over.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace mxwarden::policy {

struct TopEntry {
  std::string name;         // an address, a net, a login
  std::uint64_t count = 0;  // at most
  std::uint64_t error = 0;  // of it, at most
  std::string rule;         // the last that has refused it, since it is in the list; empty: none
  WallTime last{};          // when it was counted last; to the millisecond

  std::uint64_t at_least() const { return count - error; }
  bool operator==(const TopEntry&) const = default;
};

// True: a comes before b. There is an order for any two names.
bool is_worse(const TopEntry& a, const TopEntry& b);

struct TopList {
  std::vector<TopEntry> entries;       // the worst first; each name once
  std::uint64_t floor = 0;             // what others have made at most
  std::chrono::milliseconds covers{};  // of how long, up to now

  // Leaves the worst.
  void cut(std::size_t most);
  bool operator==(const TopList&) const = default;
};

// Covers as long as the one that covers longest.
TopList merge(std::span<const TopList> lists);

inline constexpr std::size_t longest_top_name = 63;

// Written are as many entries as `largest` bytes have room for; the floor is that of what was written.
std::string to_text(TopList list, std::size_t largest);
// Of whoever wrote it. The error says what is wrong, and holds nothing of the text.
Result<TopList> parse_top_list(std::string_view text);

}  // namespace mxwarden::policy
