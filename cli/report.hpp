#pragma once
// What a person reads: aligned tables, and when what is in them ends. Text that came from strangers is escaped. Pure
// but for the time zone, which is the process's (TZ).

#include <boost/json/fwd.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/table.hpp"
#include "store/record.hpp"

namespace mxwarden::cli {

// From `now` to a time in milliseconds since 1970, a hundred years at most; zero: it is over.
std::chrono::seconds time_until(std::int64_t milliseconds, WallTime now);

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
