#pragma once
// A decision as one JSON object: the line of the decision log (policy/decision_log.hpp) for programs. Pure.

#include <string>

#include "base/clock.hpp"
#include "policy/decision.hpp"
#include "policy/request.hpp"

namespace mxwarden::server {

struct ShownDecision {
  const policy::Request& request;
  const policy::Verdict* verdict;  // the decision's own or one of its remarks; null: nobody had anything against it
  std::string_view store;
  Duration took;
  WallTime now;
};

// {"time":ms since 1970,"action":"421 4.7.0 ...","rule":"client_rate","client":...,"state":"CONNECT","count":61,
// "limit":60,"window_ms":60000,"retry_after_ms":7000,"mode":"enforce","store":"embedded","us":38,"sender":...,
// "recipient":...,"login":...,"helo":...,"instance":...}
//
// What does not apply is left out. window_ms: 0 is within the message; retry_after_ms: null is never. In monitor mode
// `action` is DUNNO and `would` what would have been answered. Of a record, in the place of the figures: `by` and
// `reason`, or `grant`, or `list` and `reason`, and `left_ms`.
//
// Text of strangers is escaped as for a terminal (printable()), so that it is UTF-8, and cut at 512 bytes, marked by
// `...`; so a line has 32 KiB at most.
std::string decision_json(const ShownDecision& decision);

}  // namespace mxwarden::server
