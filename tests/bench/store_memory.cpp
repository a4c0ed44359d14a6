// What the embedded store costs: memory for a million clients, memory and the longest call while twenty million
// addresses pass, time of a call. Simulated time inside, processor time of the thread outside.
//
//   store_memory [clients [addresses]]

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "store/embedded_store.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;

namespace {

double resident_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) * 1024 / 1e6;
  }
  return 0;
}

// Of this thread: what others of the machine take is not the store's.
Duration processor_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

class Timed {
 public:
  explicit Timed(std::size_t entries, store::Windows windows) : store_({entries, 42}) {
    batch_.now = ManualClock().now();
    batch_.counts.add();
    batch_.counts[0].counter = "client_rate";
    batch_.counts[0].windows = std::move(windows);
  }

  void hit(const std::string& entity) {
    batch_.counts[0].entity = entity;
    const Duration begin = processor_time();
    store_.execute(batch_, batch_.now, [](store::Answers) {});
    store_.flush();
    longest_ = std::max(longest_, processor_time() - begin);
  }
  // Without reading the time for each.
  Duration hit_all(const std::vector<std::string>& entities, const std::vector<std::uint32_t>& order) {
    const Duration begin = processor_time();
    for (const std::uint32_t which : order) {
      batch_.now += 10us;
      batch_.counts[0].entity = entities[which];
      store_.execute(batch_, batch_.now, [](store::Answers) {});
      store_.flush();
    }
    return (processor_time() - begin) / static_cast<std::int64_t>(order.size());
  }
  void pass(Duration time) { batch_.now += time; }
  Duration tick() {
    const Duration begin = processor_time();
    store_.tick(batch_.now);
    return processor_time() - begin;
  }
  Duration take_longest() { return std::exchange(longest_, Duration()); }
  const store::EmbeddedStore& store() const { return store_; }

 private:
  store::EmbeddedStore store_;
  store::Batch batch_;
  Duration longest_{};
};

void measure_time(std::size_t clients, const store::Windows& windows, const char* label) {
  Timed timed(1'000'000, windows);
  std::mt19937_64 random(1);
  std::vector<std::string> entities;
  for (std::size_t i = 0; i < clients; ++i) entities.push_back("client:198.51." + std::to_string(i));
  std::vector<std::uint32_t> order(2'000'000);
  for (auto& which : order) which = static_cast<std::uint32_t>(random() % clients);
  timed.hit_all(entities, order);
  std::vector<Duration> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(timed.hit_all(entities, order));
  std::sort(runs.begin(), runs.end());
  std::printf("execute, %7zu clients, %s: median %lld ns (best %lld)\n", clients, label,
              static_cast<long long>(runs[2].count()), static_cast<long long>(runs[0].count()));
}

void measure_memory(long clients, long addresses) {
  const double before = resident_megabytes();
  Timed timed(static_cast<std::size_t>(clients), {{60s, 60}, {1h, 600}, {24h, 5000}});
  for (long i = 0; i < clients; ++i) timed.hit("client:" + std::to_string(i));
  std::printf("%ld clients, 3 windows: VmRSS %.1f MB (%.1f before), longest execute %.0f us\n", clients,
              resident_megabytes(), before, static_cast<double>(timed.take_longest().count()) / 1e3);
  Duration longest_tick{};
  for (long i = 1; i <= addresses; ++i) {
    timed.hit("fresh:" + std::to_string(i));
    timed.pass(20us);
    if (i % 50'000 == 0) longest_tick = std::max(longest_tick, timed.tick());
    if (i % 2'000'000 != 0) continue;
    const auto statistics = timed.store().statistics();
    std::printf(
        "%9ld addresses passed: VmRSS %.1f MB, entries %zu, turned away %llu, evicted %llu, longest execute "
        "%.0f us, longest tick %.0f us\n",
        i, resident_megabytes(), statistics.entries, static_cast<unsigned long long>(statistics.turned_away),
        static_cast<unsigned long long>(statistics.evicted), static_cast<double>(timed.take_longest().count()) / 1e3,
        static_cast<double>(longest_tick.count()) / 1e3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const long clients = argc > 1 ? std::atol(argv[1]) : 1'000'000;
  const long addresses = argc > 2 ? std::atol(argv[2]) : 20'000'000;
  measure_memory(clients, addresses);
  measure_time(1000, {{60s, 60'000}}, "1 window");
  measure_time(100'000, {{60s, 60'000}}, "1 window");
  measure_time(100'000, {{60s, 60}, {1h, 600}, {24h, 5000}}, "3 windows");
  return 0;
}
