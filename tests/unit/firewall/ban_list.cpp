#include "firewall/ban_list.hpp"

#include <fmt/format.h>

#include <set>

#include "rig.hpp"

namespace mxwarden::firewall {
namespace {

using namespace std::chrono_literals;

struct List {
  explicit List(const BanList::Options& options = {.min_ban = 10min, .max_elements = 1'000, .ipv6_prefix = 64})
      : bans(options, LastGuard(settings(), {}), [this](const Prefix& net) { changed.insert(net.to_string()); }) {}

  void add(std::string_view net, Duration left, std::optional<Duration> length = {}) {
    bans.added(ban(net, left, length), now());
  }
  bool snapshot(const std::vector<Ban>& listed, std::int64_t epoch) {
    bans.snapshot_begins(epoch);
    for (const auto& one : listed) bans.in_snapshot(one, now());
    return bans.snapshot_ends(now());
  }
  Duration left(std::string_view text) const {
    const auto until = bans.until(net(text), now());
    return until ? *until - now() : Duration{};
  }
  Instant now() const { return clock.now(); }
  std::set<std::string> take_changed() { return std::exchange(changed, {}); }

  ManualClock clock;
  std::set<std::string> changed;
  BanList bans;
};

using Texts = std::set<std::string>;

}  // namespace

TEST_CASE("a ban is in force until its end, and leaves without a word") {
  List list;
  list.add("192.0.2.7", 1h);
  CHECK(list.take_changed() == Texts{"192.0.2.7"});
  list.clock.advance(59min);
  CHECK(list.left("192.0.2.7") == 1min);
  list.clock.advance(1min);
  CHECK(list.left("192.0.2.7") == 0s);
  CHECK(list.bans.counts().ipv4_clients == 1);
  list.bans.tick(list.now());
  CHECK(list.bans.counts().ipv4_clients == 0);
  CHECK(list.take_changed().empty());
}

TEST_CASE("of what is added the later end stands, and the same end changes nothing") {
  struct Row {
    Duration first;
    Duration second;
    Duration stands;
    bool changed;
  };
  const Row rows[] = {{1h, 2h, 2h, true},
                      {2h, 1h, 2h, false},
                      {1h, 1h, 1h, false},
                      {1h, 1h + 500ms, 1h, false},
                      {1h, 1h + 501ms, 1h + 501ms, true}};
  for (const auto& row : rows) {
    CAPTURE(row.second.count());
    List list;
    list.add("192.0.2.7", row.first);
    list.take_changed();
    list.add("192.0.2.7", row.second);
    CHECK(list.left("192.0.2.7") == row.stands);
    CHECK(!list.take_changed().empty() == row.changed);
  }
}

TEST_CASE("an end that comes with a snapshot that has ended stands, also a sooner one") {
  List list;
  list.add("192.0.2.7", 2h);
  list.add("192.0.2.8", 2h);
  list.take_changed();
  CHECK(list.snapshot({ban("192.0.2.7", 1h), ban("192.0.2.8", 2h + 300ms)}, 1));
  CHECK(list.left("192.0.2.7") == 1h);
  CHECK(list.left("192.0.2.8") == 2h);
  CHECK(list.take_changed() == Texts{"192.0.2.7"});
}

TEST_CASE("what a snapshot does not list leaves when it has ended, but not what was added meanwhile") {
  List list;
  list.add("192.0.2.1", 2h);
  list.add("192.0.2.2", 2h);
  list.bans.snapshot_begins(1);
  list.bans.in_snapshot(ban("192.0.2.1", 2h), list.now());
  list.add("192.0.2.3", 1h);
  CHECK(list.left("192.0.2.2") == 2h);
  list.take_changed();
  CHECK(list.bans.snapshot_ends(list.now()));
  CHECK(list.left("192.0.2.1") == 2h);
  CHECK(list.left("192.0.2.2") == 0s);
  CHECK(list.left("192.0.2.3") == 1h);
  CHECK(list.take_changed() == Texts{"192.0.2.2"});
}

TEST_CASE("what was added behind its place in the snapshot stands") {
  List list;
  list.bans.snapshot_begins(1);
  list.bans.in_snapshot(ban("192.0.2.1", 1h), list.now());
  list.add("192.0.2.1", 3h);
  CHECK(list.bans.snapshot_ends(list.now()));
  CHECK(list.left("192.0.2.1") == 3h);
}

TEST_CASE("a snapshot that does not count only adds") {
  struct Row {
    const char* label;
    std::int64_t epoch;
    bool breaks_off;
  };
  for (const Row& row :
       {Row{"an old epoch", 4, false}, Row{"the same epoch", 5, false}, Row{"it breaks off", 6, true}}) {
    CAPTURE(row.label);
    List list;
    CHECK(list.snapshot({ban("192.0.2.1", 1h)}, 5));
    list.bans.snapshot_begins(row.epoch);
    list.bans.in_snapshot(ban("192.0.2.2", 1h), list.now());
    if (row.breaks_off) list.bans.stream_ended();
    CHECK_FALSE(list.bans.snapshot_ends(list.now()));
    CHECK(list.bans.epoch() == 5);
    CHECK(list.left("192.0.2.1") == 1h);
    CHECK(list.left("192.0.2.2") == 1h);
  }
}

TEST_CASE("a snapshot that begins anew forgets what the one before it has listed") {
  List list;
  list.bans.snapshot_begins(1);
  list.bans.in_snapshot(ban("192.0.2.1", 1h), list.now());
  CHECK(list.snapshot({ban("192.0.2.2", 1h)}, 2));
  CHECK(list.left("192.0.2.1") == 0s);
  CHECK(list.left("192.0.2.2") == 1h);
}

TEST_CASE("a ban that is too short is as good as none") {
  List list;
  list.add("192.0.2.1", 9min);
  list.add("192.0.2.2", 9min, 10min);
  list.add("192.0.2.3", 10min);
  CHECK(list.left("192.0.2.1") == 0s);
  CHECK(list.left("192.0.2.2") == 9min);
  CHECK(list.left("192.0.2.3") == 10min);
  CHECK(list.bans.counts().too_short == 1);
  list.snapshot({ban("192.0.2.2", 1min, 2min), ban("192.0.2.3", 1min, 10min)}, 1);
  CHECK(list.left("192.0.2.2") == 0s);
  CHECK(list.left("192.0.2.3") == 1min);
}

TEST_CASE("what is guarded waits for the guard to change, and goes when it is guarded") {
  List list;
  list.add("10.1.2.3", 1h);
  list.add("192.0.2.7", 1h);
  CHECK(list.left("10.1.2.3") == 0s);
  CHECK(list.bans.counts().guarded == 1);
  list.take_changed();
  list.bans.guard_changed(LastGuard(settings({{"client.never_ban", "192.0.2.0/24"}}), {}), list.now());
  CHECK(list.left("10.1.2.3") == 1h);
  CHECK(list.left("192.0.2.7") == 0s);
  CHECK(list.bans.counts().guarded == 1);
  CHECK(list.take_changed() == Texts{"10.1.2.3", "192.0.2.7"});
  list.bans.removed(net("192.0.2.7"));
  list.bans.guard_changed(LastGuard(settings(), {}), list.now());
  CHECK(list.left("192.0.2.7") == 0s);
}

TEST_CASE("with too many, the ban that ends soonest gives way, of whatever kind it is") {
  List list({.min_ban = 1s, .max_elements = 3, .ipv6_prefix = 64});
  list.add("192.0.2.1", 3h);
  list.add("2001:db8::/64", 1h);
  list.add("198.51.100.0/28", 2h);
  list.take_changed();
  list.add("192.0.2.2", 30min);
  CHECK(list.left("192.0.2.2") == 0s);
  CHECK(list.take_changed().empty());
  list.add("192.0.2.3", 4h);
  CHECK(list.take_changed() == Texts{"192.0.2.3", "2001:db8::/64"});
  list.add("192.0.2.4", 5h);
  CHECK(list.take_changed() == Texts{"192.0.2.4", "198.51.100.0/28"});
  CHECK(list.bans.counts().gave_way == 3);
  list.clock.advance(3h);
  list.add("192.0.2.5", 1h);
  CHECK(list.left("192.0.2.5") == 1h);
  CHECK(list.bans.counts().gave_way == 3);
}

TEST_CASE("other prefix lengths of clients make them nets, and nets clients") {
  List list;
  list.add("192.0.2.7", 1h);
  list.add("198.51.100.0/24", 1h);
  list.add("2001:db8::/64", 1h);
  list.bans.configure({.min_ban = 1s, .max_elements = 2, .ipv4_prefix = 24, .ipv6_prefix = 64},
                      LastGuard(settings(), {}), list.now());
  const auto counts = list.bans.counts();
  CHECK(counts.ipv4_clients + counts.ipv6_clients + counts.nets == 2);
  CHECK(list.bans.is_client(net("198.51.100.0/24")));
  CHECK_FALSE(list.bans.is_client(net("192.0.2.7")));
}

TEST_CASE("the list does what a map does, whatever is added and removed") {
  List list({.min_ban = 1s, .max_elements = 1'000'000, .ipv6_prefix = 64});
  std::map<Prefix, Instant> model;
  std::uint64_t random = 1;
  for (int step = 0; step < 20'000; ++step) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    const auto place = random >> 40U;
    const std::array<unsigned char, 4> bytes{198, 51, 100, static_cast<unsigned char>(place)};
    const Prefix net(Address::from_bytes(Address::Family::ipv4, bytes.data()), 32);
    const auto left = std::chrono::seconds(1 + (place >> 8U) % 1000);
    if (place % 5 == 0) {
      list.bans.removed(net);
      model.erase(net);
    } else {
      list.bans.added({net, left, {}}, list.now());
      auto& until = model.try_emplace(net, Instant()).first->second;
      until = std::max(until, list.now() + left);
    }
    if (step % 10 == 0) list.clock.advance(1s);
    list.bans.tick(list.now());
    std::erase_if(model, [&](const auto& one) { return one.second <= list.now(); });
    REQUIRE(list.bans.counts().ipv4_clients == model.size());
    if (step % 100 != 0) continue;
    for (const auto& [one, until] : model) REQUIRE(list.bans.until(one, list.now()) == until);
  }
}

TEST_CASE("guarded bans are kept as many as others, and come to be when the guard lets go") {
  constexpr int many = 20'000;
  int changed = 0;
  const auto with = settings({{"client.trusted", "203.0.0.0/16"}, {"firewall.max_elements", "30000"}});
  BanList bans(options_of(with), LastGuard(with, {}), [&](const Prefix&) { ++changed; });
  const Instant now{};
  for (int i = 0; i < many; ++i) {
    bans.added(ban(fmt::format("203.0.{}.{}", i / 256, i % 256), std::chrono::hours(1)), now);
  }
  CHECK(bans.counts().guarded == many);
  CHECK(changed == 0);
  bans.guard_changed(LastGuard(settings(), {}), now);
  CHECK(bans.counts().guarded == 0);
  CHECK(changed == many);
  CHECK(bans.counts().gave_way == 0);
}

}  // namespace mxwarden::firewall
