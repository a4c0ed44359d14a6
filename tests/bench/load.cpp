// load [options] TARGET - asks a policy server as a busy Postfix would and says how fast it answered. See --help.
//
// Exit status: 0 measured, 1 the server failed, 2 usage.

#include <cstdio>

#include "bench/generator.hpp"
#include "bench/load_report.hpp"

int main(int count, char** arguments) {
  using namespace mxwarden::bench;
  const auto options = parse_load_options(count, arguments);
  if (!options) {
    std::fprintf(stderr, "load: %s\n", options.error().message.c_str());
    return 2;
  }
  if (options->help) {
    std::fputs(load_usage, stdout);
    return 0;
  }

  const mxwarden::SystemClock clock;
  Generator generator(*options, clock);
  const auto measured = generator.run();
  if (!measured) {
    std::fprintf(stderr, "load: %s\n", measured.error().message.c_str());
    return 1;
  }
  const std::string report = options->json ? report_json(*options, *measured) : report_text(*options, *measured);
  std::fputs(report.c_str(), stdout);
}
