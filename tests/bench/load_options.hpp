#pragma once
// What the load is to be: the command line of `load`.

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "bench/endpoint.hpp"
#include "bench/request_writer.hpp"

namespace mxwarden::bench {

struct LoadOptions {
  std::string target;
  Endpoint endpoint;
  std::uint32_t connections = 100;
  std::uint32_t clients = 100'000;
  Mix mix = Mix::uniform;
  Stage stage = Stage::rcpt;
  double rate = 0;  // requests a second; 0: closed loop
  Duration warm_up = std::chrono::seconds(1);
  std::uint64_t requests = 0;  // measured ones; 0: as many as `length` holds
  Duration length = std::chrono::seconds(5);
  pid_t server = 0;   // whose CPU time is read; 0: nobody's
  bool spin = false;  // never sleep while waiting for an answer
  bool json = false;
  bool help = false;
};

extern const char* const load_usage;

Result<LoadOptions> parse_load_options(int count, char** arguments);

}  // namespace mxwarden::bench
