#include "bench/load_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace mxwarden::bench {

namespace {

constexpr std::array<std::pair<const char*, double>, 3> percentiles{{{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}}};

double microseconds(Duration length) {
  return std::chrono::duration<double, std::micro>(length).count();
}

double rate(const Measured& measured) {
  return static_cast<double>(measured.latency.count()) / std::chrono::duration<double>(measured.took).count();
}

double per_decision(const Measured& measured, Duration cpu) {
  return microseconds(cpu) / static_cast<double>(std::max<std::uint64_t>(measured.latency.count(), 1));
}

double busy(const Measured& measured, Duration cpu) {
  return microseconds(cpu) / microseconds(measured.took);
}

const char* name_of(Mix mix) {
  switch (mix) {
    case Mix::uniform:
      return "uniform";
    case Mix::hot:
      return "hot";
    case Mix::one:
      return "one";
  }
  return "?";
}

const char* name_of(Stage stage) {
  return stage == Stage::rcpt ? "rcpt" : "connect";
}

// An action is whatever the server wrote.
std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char byte : text) {
    const bool plain = byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
    quoted += plain ? std::string(1, byte) : "?";
  }
  return quoted + '"';
}

}  // namespace

std::string report_text(const LoadOptions& options, const Measured& measured) {
  const std::string loop = options.rate > 0 ? fmt::format("{}/s", options.rate) : "closed loop";
  std::string text = fmt::format("{}, {}, {} connections, {} clients, {}, {}, {} bytes a request\n", options.target,
                                 loop, options.connections, options.clients, name_of(options.mix),
                                 name_of(options.stage), measured.request_size);
  text += fmt::format("decisions     {} in {:.2f} s, {:.0f}/s\n", measured.latency.count(),
                      std::chrono::duration<double>(measured.took).count(), rate(measured));
  text += "latency      ";
  for (const auto& [name, share] : percentiles) {
    text += fmt::format(" {} {:.0f} us,", name, microseconds(measured.latency.percentile(share)));
  }
  text += fmt::format(" max {:.0f} us\n", microseconds(measured.latency.max()));
  if (measured.server_cpu) {
    text += fmt::format("server's CPU  {:.2f} us a decision, {:.0f} % of one\n",
                        per_decision(measured, *measured.server_cpu), 100 * busy(measured, *measured.server_cpu));
  }
  text += fmt::format("load's CPU    {:.2f} us a decision, {:.0f} % of one\n", per_decision(measured, measured.own_cpu),
                      100 * busy(measured, measured.own_cpu));
  text += "answers      ";
  for (const Measured::Action& action : measured.actions) text += fmt::format(" {} {}", action.name, action.count);
  return text + '\n';
}

std::string report_json(const LoadOptions& options, const Measured& measured) {
  std::string text = fmt::format(
      R"({{"target":{},"rate":{},"connections":{},"clients":{},"mix":"{}","state":"{}","request_bytes":{},)",
      json_string(options.target), options.rate, options.connections, options.clients, name_of(options.mix),
      name_of(options.stage), measured.request_size);
  text += fmt::format(R"("decisions":{},"seconds":{:.6f},"per_second":{:.1f})", measured.latency.count(),
                      std::chrono::duration<double>(measured.took).count(), rate(measured));
  for (const auto& [name, share] : percentiles) {
    text += fmt::format(R"(,"{}":{:.3f})", name, microseconds(measured.latency.percentile(share)));
  }
  text += fmt::format(R"(,"max":{:.3f},"load_cpu":{:.4f},"load_busy":{:.4f})", microseconds(measured.latency.max()),
                      per_decision(measured, measured.own_cpu), busy(measured, measured.own_cpu));
  if (measured.server_cpu) {
    text += fmt::format(R"(,"server_cpu":{:.4f},"server_busy":{:.4f})", per_decision(measured, *measured.server_cpu),
                        busy(measured, *measured.server_cpu));
  }
  text += R"(,"actions":{)";
  const char* separator = "";
  for (const Measured::Action& action : measured.actions) {
    text += fmt::format("{}{}:{}", separator, json_string(action.name), action.count);
    separator = ",";
  }
  return text + "}}\n";
}

}  // namespace mxwarden::bench
