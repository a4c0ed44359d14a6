#pragma once
// What was measured, for a person or as one JSON object.

#include <string>

#include "bench/generator.hpp"

namespace mxwarden::bench {

std::string report_text(const LoadOptions& options, const Measured& measured);

// Times in microseconds; `server_cpu` (microseconds a decision) and `server_busy` (share of one CPU) only with --pid.
std::string report_json(const LoadOptions& options, const Measured& measured);

}  // namespace mxwarden::bench
