#pragma once
// The answer to `top` as a person and as a program reads it, page by page.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/table.hpp"

namespace mxwarden::cli {

inline constexpr std::uint64_t usual_top = 25;
inline constexpr std::uint64_t largest_top = 10'000;
inline constexpr std::string_view usual_top_by = "rejected";

// What --by may name, and what it means.
struct TopCategory {
  std::string_view name;
  std::string_view member;  // of an entry: whom it is of
  std::string_view heading;
  std::string_view counts;
};
std::span<const TopCategory> top_categories();
// Null: there is none of this name.
const TopCategory* find_top_category(std::string_view name);

// What is missing in the answer, a sentence each; other than the table they are for whoever looks at this now.
std::vector<std::string> top_warnings(const boost::json::object& answer);

// An object a line: each entry, with the `nodes` that it was counted by.
std::string top_lines(const boost::json::object& answer);

class TopTable {
 public:
  TopTable(const TopCategory& category, bool colours);

  // Above the first page stands what is counted, of how long, and by whom.
  std::string page(const boost::json::object& answer);

 private:
  std::string title(const boost::json::object& answer) const;

  const TopCategory& category_;
  Table table_;
  std::size_t rank_ = 0;  // of the last
  bool begun_ = false;
};

}  // namespace mxwarden::cli
