#include "firewall/synchroniser.hpp"

#include <fmt/format.h>

#include "rig.hpp"

namespace mxwarden::firewall {
namespace {

using namespace std::chrono_literals;

Element client(std::string_view text) {
  return {address(text).is_ipv4() ? Set::ban4 : Set::ban6, address(text), address(text)};
}

std::string numbered(int number) {
  return fmt::format("198.51.{}.{}", number / 256, number % 256);
}

std::vector<Ban> many(int count, Duration left = 1h) {
  std::vector<Ban> bans;
  for (int i = 0; i < count; ++i) bans.push_back(ban(numbered(i), left + std::chrono::seconds(i)));
  return bans;
}

}  // namespace

TEST_CASE("where no table is an empty one is made, and the first snapshot fills it in one step") {
  Rig rig;
  rig.synchroniser.start(rig.clock.now());
  CHECK(rig.kernel.is_there());
  CHECK(rig.kernel.in_force().empty());
  rig.snapshot(many(3'000));
  CHECK(rig.kernel.in_force().empty());
  rig.work();
  CHECK(rig.kernel.size(Set::ban4) == 3'000);
  CHECK(rig.kernel.rebuilds() == 2);
  CHECK(rig.kernel.commits() == 0);
  const auto figures = rig.synchroniser.figures();
  CHECK(figures.rebuilds == 0);
  CHECK(figures.elements == std::array<std::size_t, 4>{3'000, 0, 0, 0});
  CHECK(figures.waiting == 0);
  CHECK(figures.trouble.empty());
  rig.pass(Synchroniser::check_interval);
  CHECK((rig.synchroniser.figures().checked == rig.clock.now()));
}

TEST_CASE("a table that is there stays as it is until the first snapshot has ended") {
  Rig rig;
  rig.kernel.stands_with(client("192.0.2.1"), 1h);
  rig.kernel.stands_with(client("192.0.2.2"), 1h);
  rig.kernel.stands_with(client("192.0.2.3"), 1h);
  rig.synchroniser.start(rig.clock.now());
  CHECK(rig.synchroniser.figures().elements == std::array<std::size_t, 4>{3, 0, 0, 0});
  rig.add("192.0.2.4", 1h);
  rig.add("198.51.100.0/24", 1h);
  rig.remove("192.0.2.3");
  rig.tell(told::SnapshotBegins{1});
  rig.tell(told::InSnapshot{ban("192.0.2.5", 1h)});
  rig.synchroniser.stream_ended();
  rig.pass(10s);
  CHECK(rig.kernel.rebuilds() == 0);
  CHECK(rig.is_banned("192.0.2.1"));
  CHECK_FALSE(rig.is_banned("192.0.2.3"));
  CHECK(rig.is_banned("192.0.2.4"));
  CHECK_FALSE(rig.is_banned("192.0.2.5"));
  CHECK_FALSE(rig.is_banned("198.51.100.1"));
  rig.epoch = 1;
  rig.snapshot({ban("192.0.2.1", 2h), ban("198.51.100.0/24", 1h)});
  rig.work();
  CHECK(rig.left("192.0.2.1") == 2h);
  CHECK_FALSE(rig.is_banned("192.0.2.2"));
  CHECK_FALSE(rig.is_banned("192.0.2.4"));
  CHECK(rig.is_banned("198.51.100.1"));
  CHECK(rig.kernel.rebuilds() == 1);
}

TEST_CASE("a table that was adopted and is damaged stays until all bans are told") {
  Rig rig;
  rig.kernel.stands_with(client("198.51.100.1"), 1h);
  rig.synchroniser.start(rig.clock.now());
  rig.kernel.damaged = true;
  rig.pass(20s);
  CHECK(rig.kernel.rebuilds() == 0);
  CHECK(rig.is_banned("198.51.100.1"));
  CHECK_FALSE(rig.synchroniser.figures().trouble.empty());
  rig.snapshot({ban("192.0.2.1", 1h)});
  rig.work();
  CHECK(rig.kernel.rebuilds() == 1);
  CHECK(rig.is_banned("192.0.2.1"));
  CHECK_FALSE(rig.is_banned("198.51.100.1"));
  CHECK(rig.synchroniser.figures().trouble.empty());
}

TEST_CASE("of a table that was adopted those go who are guarded by now") {
  Rig rig({{"client.trusted", "192.0.2.0/30"}}, {address("198.51.100.25")});
  for (const auto* banned : {"192.0.2.1", "198.51.100.25", "198.51.100.26", "198.51.100.27"}) {
    rig.kernel.stands_with(client(banned), 1h);
  }
  rig.synchroniser.start(rig.clock.now());
  rig.pass(1s);
  CHECK(rig.kernel.rebuilds() == 0);
  CHECK_FALSE(rig.is_banned("192.0.2.1"));
  CHECK_FALSE(rig.is_banned("198.51.100.25"));
  CHECK(rig.is_banned("198.51.100.26"));
  rig.synchroniser.own_addresses_are({address("198.51.100.26")}, rig.clock.now());
  rig.work();
  CHECK_FALSE(rig.is_banned("198.51.100.26"));
  CHECK(rig.is_banned("198.51.100.27"));
}

TEST_CASE("another's table is left alone") {
  Rig rig;
  rig.kernel.foreign = true;
  rig.synchroniser.start(rig.clock.now());
  rig.snapshot({ban("192.0.2.1", 1h)});
  rig.add("192.0.2.2", 1h);
  rig.pass(20s);
  CHECK(rig.kernel.rebuilds() == 0);
  CHECK(rig.kernel.commits() == 0);
  CHECK_FALSE(rig.synchroniser.figures().trouble.empty());
  rig.kernel.foreign = false;
  rig.pass(6s);
  CHECK(rig.is_banned("192.0.2.1"));
  CHECK(rig.is_banned("192.0.2.2"));
}

TEST_CASE("changes go at once, and then together, each once and as it is then") {
  Rig rig;
  rig.start();
  rig.pass(1s);
  rig.add("192.0.2.1", 1h);
  rig.work();
  CHECK(rig.is_banned("192.0.2.1"));
  rig.add("192.0.2.2", 1h);
  rig.remove("192.0.2.2");
  rig.add("192.0.2.2", 2h);
  rig.add("192.0.2.3", 1h);
  rig.remove("192.0.2.3");
  rig.add("192.0.2.4", 1h);
  rig.work();
  CHECK(rig.kernel.commits() == 1);
  CHECK(rig.synchroniser.figures().waiting == 3);
  rig.pass(Synchroniser::batch_interval);
  CHECK(rig.kernel.commits() == 3);  // what goes, what comes
  CHECK(rig.left("192.0.2.2") == 2h - Synchroniser::batch_interval);
  CHECK_FALSE(rig.is_banned("192.0.2.3"));
  CHECK(rig.synchroniser.figures().waiting == 0);
}

TEST_CASE("10,000 bans go in full transactions, without waiting between them") {
  Rig rig;
  rig.start();
  rig.pass(1s);
  for (int i = 0; i < 10'000; ++i) rig.add(numbered(i), 1h);
  rig.work();
  CHECK(rig.kernel.size(Set::ban4) == 10'000);
  CHECK(rig.kernel.commits() == 10);
  CHECK(rig.kernel.largest() == most_changes);
}

TEST_CASE("more changes than may wait build the table anew") {
  Rig rig;
  rig.start();
  rig.pass(1s);
  for (int i = 0; i < 100'001; ++i) {
    const std::array<unsigned char, 4> bytes{11, static_cast<unsigned char>(i >> 16),
                                             static_cast<unsigned char>(i >> 8), static_cast<unsigned char>(i)};
    rig.tell(told::Added{{Prefix(Address::from_bytes(Address::Family::ipv4, bytes.data()), 32), 1h, {}}});
  }
  rig.work();
  CHECK(rig.kernel.size(Set::ban4) == 100'001);
  CHECK(rig.kernel.commits() == 0);
  CHECK(rig.synchroniser.figures().rebuilds == 0);
}

TEST_CASE("of many bans those that end last are there at once where nobody was dropped before, the others soon") {
  constexpr int count = 120'000;
  std::vector<Ban> bans;
  for (int i = 0; i < count; ++i) {
    const std::array<unsigned char, 4> bytes{11, static_cast<unsigned char>(i >> 16),
                                             static_cast<unsigned char>(i >> 8), static_cast<unsigned char>(i)};
    bans.push_back({Prefix(Address::from_bytes(Address::Family::ipv4, bytes.data()), 32), 1h + i * 1s, {}});
  }
  Rig rig;
  rig.synchroniser.start(rig.clock.now());
  rig.snapshot(bans);
  rig.synchroniser.wake(rig.clock.now());
  CHECK(rig.kernel.size(Set::ban4) == 10'000);
  CHECK(rig.is_banned("11.1.212.191"));  // the last of them
  CHECK_FALSE(rig.is_banned("11.0.0.0"));
  CHECK(rig.synchroniser.figures().waiting == count - 10'000);
  CHECK(rig.synchroniser.figures().elements[0] == 10'000);
  rig.remove("11.0.0.1");
  rig.work();
  CHECK(rig.kernel.size(Set::ban4) == count - 1);
  CHECK(rig.kernel.commits() >= (count - 10'000) / 250);
  CHECK(rig.kernel.rebuilds() == 2);

  SUBCASE("what drops is replaced in one step") {
    rig.synchroniser.was_suspended(rig.clock.now());
    const auto commits = rig.kernel.commits();
    rig.work();
    CHECK(rig.kernel.rebuilds() == 3);
    CHECK(rig.kernel.commits() == commits);
    CHECK(rig.kernel.size(Set::ban4) == count - 1);
  }
}

TEST_CASE("what is told with the end that it has costs nothing") {
  Rig rig;
  const auto bans = many(2'000);
  rig.start(bans);
  rig.pass(1s);
  auto later = bans;
  for (auto& one : later) one.left -= 1s + 400ms;
  rig.snapshot(later);
  rig.add(numbered(0), 1h - 1s + 200ms);
  rig.pass(1s);
  CHECK(rig.kernel.commits() == 0);
  CHECK(rig.kernel.rebuilds() == 2);
}

TEST_CASE("a later snapshot changes what is other than it was") {
  Rig rig;
  rig.start({ban("192.0.2.1", 1h), ban("192.0.2.2", 1h), ban("192.0.2.3", 2h)});
  rig.pass(1s);
  rig.snapshot({ban("192.0.2.1", 1h - 1s), ban("192.0.2.3", 1h), ban("192.0.2.4", 1h)});
  rig.work();
  CHECK(rig.left("192.0.2.1") == 1h - 1s);
  CHECK_FALSE(rig.is_banned("192.0.2.2"));
  CHECK(rig.left("192.0.2.3") == 1h);
  CHECK(rig.left("192.0.2.4") == 1h);
  CHECK(rig.kernel.commits() == 2);
}

TEST_CASE("nets that overlap are apart in the kernel, whatever comes and goes") {
  Rig rig;
  rig.start({ban("198.51.100.0/24", 2h)});
  rig.add("198.51.100.64/26", 3h);
  rig.pass(1s);
  CHECK(rig.left("198.51.100.1") == 2h - 1s);
  CHECK(rig.left("198.51.100.65") == 3h - 1s);
  rig.add("198.51.100.64/27", 1h);
  rig.pass(1s);
  CHECK(rig.left("198.51.100.65") == 3h - 2s);
  rig.remove("198.51.100.64/26");
  rig.pass(1s);
  CHECK(rig.left("198.51.100.65") == 2h - 3s);
  rig.remove("198.51.100.0/24");
  rig.pass(1s);
  CHECK_FALSE(rig.is_banned("198.51.100.1"));
  CHECK(rig.left("198.51.100.65") == 1h - 3s);
  CHECK(rig.synchroniser.figures().elements == std::array<std::size_t, 4>{0, 0, 1, 0});
  CHECK(rig.kernel.rebuilds() == 2);
}

TEST_CASE("nets that take the place of others go with these in one step, however many they are") {
  Rig rig;
  std::vector<Ban> nets;
  for (int i = 0; i < 3'000; ++i) nets.push_back(ban(fmt::format("10.{}.{}.0/25", i / 256, i % 256), 1h));
  rig.with = settings({{"client.never_ban", ""}});
  rig.synchroniser.configure(layout_of(rig.with), rig.with, rig.clock.now());
  rig.start(nets);
  CHECK(rig.kernel.size(Set::net4) == 3'000);
  const auto commits = rig.kernel.commits();
  for (auto& net : nets) net = ban(net.net.address().to_string() + "/24", 2h);
  rig.snapshot(nets);
  rig.pass(1s);
  CHECK(rig.kernel.commits() == commits + 1);
  CHECK(rig.left("10.0.0.200") == 2h - 1s);
}

TEST_CASE("one bad element costs one element, and comes again when it is told anew") {
  Rig rig;
  rig.start();
  rig.pass(1s);
  rig.kernel.refuses = [](const Element& element) { return element == client("198.51.0.77"); };
  for (const auto& one : many(500)) rig.tell(told::Added{one});
  rig.work();
  CHECK(rig.kernel.size(Set::ban4) == 499);
  auto figures = rig.synchroniser.figures();
  CHECK(figures.refused_elements == 1);
  CHECK(figures.refused_batches > 1);
  CHECK(figures.waiting == 0);
  CHECK(figures.trouble == "the kernel has refused 1 bans");
  CHECK(rig.said("198.51.0.77: it is not wanted") == 1);
  rig.kernel.refuses = [](const Element&) { return false; };
  rig.pass(1min);
  CHECK(rig.kernel.size(Set::ban4) == 499);
  rig.add("198.51.0.77", 1h + 77s - 1min);
  rig.pass(1s);
  CHECK(rig.kernel.size(Set::ban4) == 500);
  CHECK(rig.synchroniser.figures().trouble.empty());
}

TEST_CASE("a bad element in a rebuild costs one element") {
  Rig rig;
  rig.kernel.refuses = [](const Element& element) { return element == client("198.51.0.77"); };
  rig.start(many(3'000));
  CHECK(rig.kernel.size(Set::ban4) == 2'999);
  CHECK(rig.synchroniser.figures().refused_elements == 1);
}

TEST_CASE("a rebuild that is too long is made in parts") {
  Rig rig;
  rig.kernel.too_long = 1'700;
  rig.start(many(5'000));
  CHECK(rig.kernel.size(Set::ban4) == 5'000);
  CHECK(rig.synchroniser.figures().refused_elements == 0);
  CHECK(rig.synchroniser.figures().refused_batches == 0);
}

TEST_CASE("transactions that are too long are made in parts") {
  Rig rig;
  rig.start();
  rig.pass(1s);
  rig.kernel.too_long = 100;
  for (const auto& one : many(950)) rig.tell(told::Added{one});
  rig.work();
  CHECK(rig.kernel.size(Set::ban4) == 950);
}

TEST_CASE("where there is no room, what ends soonest gives way") {
  Rig rig;
  rig.kernel.room = 100;
  rig.start(many(100));
  rig.pass(1s);
  rig.add("192.0.2.1", 2h);
  rig.add("192.0.2.2", 30min);
  rig.pass(1s);
  CHECK(rig.is_banned("192.0.2.1"));
  CHECK_FALSE(rig.is_banned("192.0.2.2"));
  CHECK_FALSE(rig.is_banned(numbered(0)));
  CHECK(rig.is_banned(numbered(1)));
  CHECK(rig.kernel.size(Set::ban4) == 100);
  CHECK(rig.synchroniser.figures().bans.gave_way == 2);
  CHECK(rig.synchroniser.figures().waiting == 0);
}

TEST_CASE("a rebuild for which there is no room keeps what ends last") {
  Rig rig;
  rig.kernel.room = 1'500;
  rig.start(many(5'000));
  CHECK(rig.kernel.size(Set::ban4) >= 1'250);
  CHECK(rig.is_banned(numbered(4'999)));
  CHECK_FALSE(rig.is_banned(numbered(0)));
  const auto figures = rig.synchroniser.figures();
  CHECK(figures.bans.ipv4_clients == rig.kernel.size(Set::ban4));
  CHECK(figures.bans.gave_way == 5'000 - rig.kernel.size(Set::ban4));
  CHECK(figures.waiting == 0);
}

TEST_CASE("with more than max_elements, what ends soonest never gets there") {
  Rig rig(Overrides{{"firewall.max_elements", "100"}});
  rig.start(many(150));
  CHECK(rig.kernel.size(Set::ban4) == 100);
  CHECK_FALSE(rig.is_banned(numbered(49)));
  CHECK(rig.is_banned(numbered(50)));
  rig.add("2001:db8::/64", 3h);
  rig.pass(1s);
  CHECK(rig.is_banned("2001:db8::25"));
  CHECK_FALSE(rig.is_banned(numbered(50)));
}

TEST_CASE("when the answer was lost, the same goes again after a check") {
  for (const int lost : {1, 2, 3}) {
    CAPTURE(lost);
    Rig rig;
    rig.start({ban("192.0.2.1", 1h), ban("198.51.100.0/24", 1h)});
    rig.pass(1s);
    rig.kernel.lost_answers = lost;
    const auto checks = rig.kernel.checks();
    rig.add("192.0.2.2", 1h);
    rig.remove("192.0.2.1");
    rig.work();
    CHECK(rig.kernel.checks() == checks + 1);
    rig.add("198.51.100.0/25", 2h);
    rig.pass(10s);
    CHECK_FALSE(rig.is_banned("192.0.2.1"));
    CHECK(rig.is_banned("192.0.2.2"));
    CHECK(rig.left("198.51.100.1") == 2h - 10s);
    CHECK(rig.synchroniser.figures().trouble.empty());
  }
}

TEST_CASE("a table that is gone is built anew, at the next check or with the next change, and that is said once") {
  for (const bool with_a_change : {false, true}) {
    CAPTURE(with_a_change);
    Rig rig;
    rig.start(many(10));
    rig.pass(1s);
    rig.kernel.vanish();
    if (with_a_change) rig.add("192.0.2.1", 1h);
    rig.pass(with_a_change ? 0s : Synchroniser::check_interval);
    CHECK(rig.kernel.size(Set::ban4) == (with_a_change ? 11 : 10));
    CHECK(rig.synchroniser.figures().rebuilds == 1);
    REQUIRE(rig.lines.size() == 3);
    CHECK(rig.lines.back() == (with_a_change ? "table inet mxwarden is made anew, with 11 bans: there is no table"
                                             : "table inet mxwarden is made anew, with 10 bans: the table is gone"));
  }
}

TEST_CASE("while everything is denied nothing but the check is tried, and that is said once") {
  Rig rig;
  rig.start(many(10));
  rig.pass(1s);
  rig.kernel.denied = true;
  rig.kernel.answers = false;
  rig.add("192.0.2.1", 1h);
  rig.add("198.51.100.0/24", 1h);
  rig.pass(1min);
  CHECK(rig.kernel.commits() == 1);
  CHECK(rig.synchroniser.figures().trouble == "no answer");
  rig.kernel.answers = true;
  rig.pass(1min);
  CHECK(rig.kernel.commits() <= 14);
  CHECK(rig.said("it is not allowed") == 2);
  CHECK(rig.said("no answer") == 1);
  CHECK(rig.synchroniser.figures().trouble == "it is not allowed");
  rig.kernel.denied = false;
  rig.pass(Synchroniser::check_interval);
  CHECK(rig.is_banned("192.0.2.1"));
  CHECK(rig.is_banned("198.51.100.1"));
  CHECK(rig.synchroniser.figures().trouble.empty());
}

TEST_CASE("a kernel that denies the first rebuild is asked again with each check") {
  Rig rig;
  rig.kernel.denied = true;
  rig.start(many(10));
  rig.pass(30s);
  CHECK(rig.kernel.rebuilds() <= 8);
  CHECK(rig.lines.size() == 1);
  rig.kernel.denied = false;
  rig.pass(Synchroniser::check_interval);
  CHECK(rig.kernel.size(Set::ban4) == 10);
  CHECK(rig.synchroniser.figures().rebuilds == 0);
}

TEST_CASE("an address that becomes this host's is let in at once, and banned again when it is not any more") {
  Rig rig;
  rig.start({ban("192.0.2.25", 1h), ban("198.51.100.0/24", 1h)});
  rig.add("192.0.2.1", 1h);
  rig.work();
  rig.synchroniser.own_addresses_are({address("192.0.2.25"), address("198.51.100.7")}, rig.clock.now());
  rig.work();
  CHECK_FALSE(rig.is_banned("192.0.2.25"));
  CHECK_FALSE(rig.is_banned("198.51.100.1"));
  CHECK(rig.synchroniser.figures().bans.guarded == 2);
  rig.synchroniser.own_addresses_are({}, rig.clock.now());
  rig.work();
  CHECK(rig.left("192.0.2.25") == 1h);
  CHECK(rig.left("198.51.100.1") == 1h);
}

TEST_CASE("what is guarded or too short never gets to the kernel") {
  Rig rig(Overrides{{"client.trusted", "192.0.2.0/28"}}, {address("203.0.113.25")});
  rig.start({ban("192.0.2.1", 1h), ban("203.0.113.0/24", 1h), ban("198.51.0.0/16", 1h), ban("10.0.0.1", 1h),
             ban("198.51.100.1", 1min), ban("198.51.100.2", 1min, 1h)});
  CHECK(rig.kernel.in_force().size() == 1);
  CHECK(rig.left("198.51.100.2") == 1min);
  CHECK(rig.synchroniser.figures().bans.guarded == 4);
  CHECK(rig.synchroniser.figures().bans.too_short == 1);
}

TEST_CASE("after the machine was suspended the ends are set anew") {
  Rig rig;
  rig.start({ban("192.0.2.1", 2h)});
  rig.clock.advance(1h);
  rig.kernel.stands_with(client("192.0.2.1"), 2h);  // its clock stood still
  rig.synchroniser.was_suspended(rig.clock.now());
  rig.work();
  CHECK(rig.left("192.0.2.1") == 1h);
  CHECK(rig.synchroniser.figures().rebuilds == 1);
}

TEST_CASE("other settings build the table anew if it is to look otherwise") {
  Rig rig;
  rig.start({ban("192.0.2.1", 2h), ban("2001:db8:1::/56", 1h), ban("2001:db8::/64", 1h)});
  auto other = settings({{"client.trusted", "192.0.2.0/24"}});
  rig.synchroniser.configure(layout_of(other), other, rig.clock.now());
  rig.work();
  CHECK(rig.kernel.rebuilds() == 2);
  CHECK_FALSE(rig.is_banned("192.0.2.1"));
  other = settings({{"firewall.ports", "25 587"}, {"client.ipv6_prefix", "56"}});
  rig.synchroniser.configure(layout_of(other), other, rig.clock.now());
  rig.work();
  CHECK(rig.kernel.rebuilds() == 3);
  CHECK(rig.kernel.layout().ports.size() == 2);
  CHECK(rig.left("192.0.2.1") == 2h);
  CHECK(rig.left("2001:db8:1:7::1") == 1h);
  CHECK(rig.left("2001:db8::1") == 1h);
  CHECK(rig.synchroniser.figures().elements == std::array<std::size_t, 4>{1, 1, 0, 1});
}

TEST_CASE("the lag is the longest from a ban to its transaction, since it was asked for last") {
  Rig rig;
  rig.start({ban("192.0.2.1", 1h, 2h)});
  CHECK_FALSE(rig.synchroniser.figures().lag.has_value());
  rig.pass(1s);
  rig.add("192.0.2.2", 1h - 700ms, 1h);
  rig.work();
  CHECK(rig.synchroniser.figures().lag == 700ms);
  rig.add("192.0.2.3", 1h - 100ms, 1h);
  rig.add("192.0.2.4", 1h);
  rig.pass(Synchroniser::batch_interval);
  CHECK(rig.synchroniser.figures().lag == 700ms);
  rig.synchroniser.forget_lag();
  CHECK_FALSE(rig.synchroniser.figures().lag.has_value());
  rig.add("198.51.100.0/24", 1h - 200ms, 1h);
  rig.pass(Synchroniser::batch_interval);
  CHECK(rig.synchroniser.figures().lag == 200ms + Synchroniser::batch_interval);
}

TEST_CASE("dropped packets are counted over all rebuilds") {
  Rig rig;
  rig.start();
  rig.kernel.dropped = 7;
  rig.pass(Synchroniser::check_interval);
  rig.synchroniser.was_suspended(rig.clock.now());
  rig.kernel.dropped = 0;
  rig.work();
  rig.kernel.dropped = 5;
  rig.pass(Synchroniser::check_interval);
  CHECK(rig.synchroniser.figures().dropped == 12);
}

TEST_CASE("when nothing is told nothing is done but the check") {
  Rig rig;
  rig.start(many(1'000));
  rig.pass(1h - 1s);
  CHECK(rig.kernel.commits() == 0);
  CHECK(rig.kernel.rebuilds() == 2);
  CHECK(rig.kernel.checks() == 1 + 3'599 / 5);
  rig.pass(1'001s);
  CHECK(rig.kernel.commits() == 0);
  CHECK(rig.synchroniser.figures().elements == std::array<std::size_t, 4>{0, 0, 0, 0});
}

}  // namespace mxwarden::firewall
