#pragma once
// What a person reads: aligned tables, times of this place and how long they are away. Text that came from strangers is
// escaped. Pure but for the time zone, which is the process's (TZ).

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "cli/table.hpp"
#include "store/record.hpp"

namespace mxwarden::cli {

// `3d 4h`, `59m 58s`, `7s`: the two largest units, rounded down. `0s` for what is over.
std::string time_left(Duration duration);

// The answer to `status`, in some lines.
std::string status_text(const boost::json::object& status, bool colours);

// What came of an addition: `ban of 192.0.2.0/24 until 2026-11-22 12:00:00 (59m 59s)`.
std::string record_text(const boost::json::object& record, WallTime now);

// A table of records of one kind, page by page.
class RecordTable {
 public:
  RecordTable(store::RecordKind kind, WallTime now, bool colours);

  // The rows, with the heading above the first of them; empty: there are none.
  std::string page(const boost::json::array& records);

 private:
  store::RecordKind kind_;
  WallTime now_;
  Table table_;
};

}  // namespace mxwarden::cli
