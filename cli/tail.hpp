#pragma once
// `mxwarden tail`: decisions while they are made, until nobody reads them any more.

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/control_client.hpp"
#include "cli/program.hpp"

namespace mxwarden::cli {

// Decisions as a person reads them, a line each:
//
//   2026-11-22 12:00:00  421  client_rate  192.0.2.7  CONNECT  61/60 60s  sender -> recipient  login=... list=...
//
// An answer that was only thought of reads `would 421`. Columns begin as wide as most of their cells need and grow with
// those that are wider, within bounds. Text that came from strangers is escaped. Pure but for the time zone, which is
// the process's (TZ).
class DecisionLines {
 public:
  explicit DecisionLines(bool colours) : colours_(colours) {}

  // With its line feed.
  std::string line(const boost::json::object& decision);

 private:
  std::string padding(std::string_view text, std::size_t column);

  bool colours_;
  std::vector<std::size_t> widths_{9, 18, 15, 7, 12};  // action, rule, client, state, figures
};

// What comes on `client` after the answer that promised it, as lines for people or as it is. 0: nobody reads any more,
// or SIGINT; it then ends the process itself.
int follow_decisions(ControlClient& client, bool as_json, const Terminal& terminal);

}  // namespace mxwarden::cli
