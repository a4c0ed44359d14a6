#include "maillog/once/simulation.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace mxwarden::maillog {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view source = "dry run";
constexpr WallTime earliest{};
constexpr WallTime latest = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);

}  // namespace

Simulation::Simulation(const conf::Configuration& configuration)
    : store_({.max_entries = configuration.settings.store.max_entries}),
      records_(clock_),
      following_(records_.book().follow([this](store::RecordKind kind, const Prefix& net, const auto& record) {
        changed(kind, net, record != nullptr);
      })),
      offences_(records_, [this](log::Level level, std::string line) { say(level, std::move(line)); }),
      effects_(store_, records_, offences_,
               [this](log::Level level, std::string line) { say(level, std::move(line)); }) {
  offences_.configure(configuration.settings, configuration.access);
  effects_.configure(configuration.settings);
}

std::vector<std::string> Simulation::take(const policy::MailEvent& event) {
  move_clock(event.time);
  policy::EventBatch batch{.source = std::string(source), .seq = ++taken_, .events = {}};
  batch.events.push_back(event);
  effects_.take(std::move(batch), clock_.now(), [](const Result<void>&) {});
  store_.flush();
  return std::exchange(said_, {});
}

// What a developer wants to know does not follow, nor does what says no more than the event itself.
void Simulation::say(log::Level level, std::string line) {
  if (level != log::Level::debug && !line.starts_with("event ")) said_.push_back(std::move(line));
}

void Simulation::move_clock(WallTime to) {
  clock_.advance(std::clamp(to, earliest, latest) - clock_.wall_now());
  const auto now = clock_.now();
  if (now < next_tick_ && next_tick_ - now <= 1s) return;
  next_tick_ = now + 1s;
  store_.tick(now);
  records_.tick();
  effects_.tick(now);
}

void Simulation::changed(store::RecordKind kind, const Prefix& net, bool is_there) {
  const auto at = static_cast<std::size_t>(kind);
  if (!is_there) {
    there_[at].erase(net);
    return;
  }
  ++(there_[at].insert(net).second ? made_[at].fresh : made_[at].renewed);
}

}  // namespace mxwarden::maillog
