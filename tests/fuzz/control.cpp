// The operations of the control socket: whatever a line holds, it gets one answer, a JSON object that fits into a line
// and says whether it is ok; and a stream that it begins says lines of JSON as well.
//
// Input: lines, each a request; records, tops and the decisions to follow live as long as the input.

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "policy/event_effects.hpp"
#include "policy/pipeline.hpp"
#include "server/control_operations.hpp"
#include "server/control_stream.hpp"
#include "server/tops.hpp"
#include "store/embedded_store.hpp"
#include "support/memory_records.hpp"

namespace json = boost::json;
using namespace mxwarden;
using namespace mxwarden::server;

namespace {

constexpr int most_takes = 100;

void require(bool condition, std::string_view what, std::string_view line) {
  if (condition) return;
  std::cerr << what << ": " << line << '\n';
  std::abort();
}

json::object object_in(std::string_view line) {
  json::error_code error;
  const auto value = json::parse(line, error);
  require(!error && value.is_object(), "no JSON object", line);
  return value.as_object();
}

class Daemon {
 public:
  Daemon() {
    offences_.configure(settings_, std::make_shared<conf::AccessTable>());
    effects_.configure(settings_);
  }

  void ask(std::string_view request) {
    int answers = 0;
    auto stream = operations_.answer(request, {.uid = 0}, false, [&](const std::string& line) {
      ++answers;
      require(line.size() < ControlOperations::longest_answer, "an answer that is too long", line);
      require(line.find('\n') == std::string::npos, "an answer of several lines", line);
      const auto answer = object_in(line);
      require(answer.contains("ok") && answer.at("ok").is_bool(), "an answer without `ok'", line);
    });
    require(answers == 1, "not one answer", request);
    if (stream) follow(*stream);
    clock_.advance(std::chrono::seconds(1));
    records_.tick();
  }

 private:
  void follow(ControlStream& stream) {
    stream.start([] {});
    std::string lines;
    for (int takes = 0; takes < most_takes; ++takes) {
      const auto before = lines.size();
      if (!stream.take(lines) || lines.size() == before) break;
    }
    stream.tick();
    require(lines.empty() || lines.back() == '\n', "a line that does not end", lines);
    std::string_view rest = lines;
    while (!rest.empty()) {
      const auto end = rest.find('\n');
      object_in(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }

  // Large, and changed by nothing that is asked.
  static inline ManualClock clock_;
  static inline Tops tops_{clock_, "mx1", {}, nullptr};

  conf::Report report_;
  conf::Settings settings_ =
      conf::parse_settings("", "none", {{"relay_grant.mode", "enforce"}, {"bad_recipient.source", "log"}}, report_);
  tests::MemoryRecords records_{clock_};
  DecisionFeed decisions_{clock_};
  LastFirewallReport firewall_;
  store::EmbeddedStore store_{{.max_entries = 1000}};
  policy::Tracker tracker_{policy::Tracker::Options{}};
  policy::Pipeline pipeline_{store_, tracker_,
                             std::make_shared<policy::Engine>(settings_, std::make_shared<conf::AccessTable>()),
                             policy::Pipeline::Options{.records = &records_}};
  policy::Offences offences_{records_, [](log::Level, const std::string&) {}};
  policy::EventEffects effects_{store_, records_, offences_, [](log::Level, const std::string&) {}};
  ControlOperations operations_{
      {.records = records_,
       .clock = clock_,
       .settings = settings_,
       .decisions = decisions_,
       .tops = tops_,
       .firewall = firewall_,
       .status = [] { return ControlStatus(); },
       .reload = [] { return Result<std::vector<std::string>>(boost::system::in_place_value); },
       .explain =
           [this](policy::Explanation& explanation, policy::Explanation::Done done) {
             pipeline_.explain(explanation, clock_.now(), std::chrono::milliseconds(500), std::move(done));
             pipeline_.flush();
           },
       .take_events =
           [this](policy::EventBatch batch, const ControlOperations::LogLines&, policy::EventEffects::Done done) {
             effects_.take(std::move(batch), clock_.now(), std::move(done));
             store_.flush();
           },
       .users = [] { return ControlUsers(); }}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool silent = log::start("fuzz", "file:/dev/null", log::Level::error).has_value();
  if (!silent) std::abort();
  Daemon daemon;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    daemon.ask(line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return 0;
}
