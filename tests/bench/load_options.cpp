#include "bench/load_options.hpp"

#include <getopt.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace mxwarden::bench {

const char* const load_usage =
    "usage: load [options] inet:ADDR:PORT | unix:/path\n"
    "Asks a policy server as Postfix would, one new SMTP session a request, and measures its answers.\n"
    "  --connections N   policy connections, one request at a time on each (100)\n"
    "  --clients M       distinct client addresses (100000)\n"
    "  --mix MIX         uniform | hot (90 % of the requests from ten clients) | one (uniform)\n"
    "  --state STATE     rcpt | connect: what each session's request asks about (rcpt)\n"
    "  --rate R          R requests a second, timed from the moment each was due; without: closed loop,\n"
    "                    each connection asks again as soon as it was answered\n"
    "  --seconds S       how long to measure (5)\n"
    "  --requests N      how many requests to measure, instead\n"
    "  --warm-up S       before that, not measured (1)\n"
    "  --pid PID         the server's process: its CPU time is measured, too\n"
    "  --spin            never sleep while waiting: with a CPU of its own, so that no server pays for waking the load\n"
    "  --json            the result as one JSON object\n";

namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong != std::errc{} || end != text.data() + text.size() || number < Number{}) return std::nullopt;
  return number;
}

std::optional<Duration> parse_seconds(std::string_view text) {
  const auto seconds = parse_number<double>(text);
  if (!seconds || *seconds > 1e6) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
}

std::optional<Mix> parse_mix(std::string_view text) {
  if (text == "uniform") return Mix::uniform;
  if (text == "hot") return Mix::hot;
  if (text == "one") return Mix::one;
  return std::nullopt;
}

std::optional<Stage> parse_stage(std::string_view text) {
  if (text == "rcpt") return Stage::rcpt;
  if (text == "connect") return Stage::connect;
  return std::nullopt;
}

template <class Value>
bool take(std::optional<Value> value, Value& into) {
  if (value) into = *value;
  return value.has_value();
}

bool set(LoadOptions& options, int option, std::string_view value) {
  switch (option) {
    case 'c':
      return take(parse_number<std::uint32_t>(value), options.connections) && options.connections > 0;
    case 'm':
      return take(parse_number<std::uint32_t>(value), options.clients) && options.clients > 0 &&
             options.clients <= most_clients;
    case 'x':
      return take(parse_mix(value), options.mix);
    case 't':
      return take(parse_stage(value), options.stage);
    case 'r':
      return take(parse_number<double>(value), options.rate) && options.rate > 0 && options.rate <= 1e7;
    case 's':
      return take(parse_seconds(value), options.length);
    case 'n':
      return take(parse_number<std::uint64_t>(value), options.requests) && options.requests > 0;
    case 'w':
      return take(parse_seconds(value), options.warm_up);
    case 'p':
      return take(parse_number<pid_t>(value), options.server) && options.server > 0;
    case 'i':
      return options.spin = true;
    case 'j':
      return options.json = true;
    default:
      return options.help = option == 'h';
  }
}

}  // namespace

Result<LoadOptions> parse_load_options(int count, char** arguments) {
  static const std::array<option, 13> known{{{"connections", required_argument, nullptr, 'c'},
                                             {"clients", required_argument, nullptr, 'm'},
                                             {"mix", required_argument, nullptr, 'x'},
                                             {"state", required_argument, nullptr, 't'},
                                             {"rate", required_argument, nullptr, 'r'},
                                             {"seconds", required_argument, nullptr, 's'},
                                             {"requests", required_argument, nullptr, 'n'},
                                             {"warm-up", required_argument, nullptr, 'w'},
                                             {"pid", required_argument, nullptr, 'p'},
                                             {"spin", no_argument, nullptr, 'i'},
                                             {"json", no_argument, nullptr, 'j'},
                                             {"help", no_argument, nullptr, 'h'},
                                             {nullptr, 0, nullptr, 0}}};
  LoadOptions options;
  int row = 0;
  for (;;) {
    const int found = ::getopt_long(count, arguments, "", known.data(), &row);
    if (found == -1) break;
    if (found == '?') return Error{"see --help"};
    const std::string_view value = optarg == nullptr ? "" : optarg;
    if (!set(options, found, value)) {
      return Error{"--" + std::string(known[static_cast<std::size_t>(row)].name) + " cannot be " + std::string(value)};
    }
  }
  if (options.help) return options;
  if (optind + 1 != count) return Error{"one target is wanted: inet:ADDR:PORT or unix:/path"};
  options.target = arguments[optind];
  const auto endpoint = Endpoint::parse(options.target);
  if (!endpoint) return endpoint.error();
  options.endpoint = *endpoint;
  return options;
}

}  // namespace mxwarden::bench
