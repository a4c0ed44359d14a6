#include "firewall/nftables.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/file_descriptor.hpp"

// Against the kernel this runs on, each test in a network of its own: as root.

namespace mxwarden::firewall {
namespace {

using namespace std::chrono_literals;
using Kind = Outcome::Kind;

constexpr std::string_view client = "198.51.100.7";
constexpr std::string_view server = "192.0.2.25";
constexpr std::string_view client6 = "2001:db8:0:1::7";
constexpr std::string_view server6 = "2001:db8:25::1";

// What the command says on its standard output; it fails the test if it fails.
std::string run(const std::string& command) {
  auto* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string said;
  std::array<char, 4096> bytes{};
  while (const auto size = std::fread(bytes.data(), 1, bytes.size(), pipe)) said.append(bytes.data(), size);
  CAPTURE(command);
  CHECK(::pclose(pipe) == 0);
  return said;
}

void feed_nft(const std::string& text) {
  auto* pipe = ::popen("nft -f -", "w");
  REQUIRE(pipe != nullptr);
  CHECK(std::fwrite(text.data(), 1, text.size(), pipe) == text.size());
  CAPTURE(text.substr(0, 4096));
  CHECK(::pclose(pipe) == 0);
}

// Without what goes on by itself: counters, and what is left of timeouts.
std::string listed() {
  return run("nft -s list table inet mxwarden");
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t times = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++times;
  return times;
}

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

Endpoint endpoint(std::string_view text, std::uint16_t port) {
  const auto address = Address::parse(text).value();
  Endpoint made;
  if (address.is_ipv4()) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    std::memcpy(&ipv4.sin_addr, address.bytes().data(), sizeof ipv4.sin_addr);
    std::memcpy(&made.address, &ipv4, made.size = sizeof ipv4);
  } else {
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(port);
    std::memcpy(&ipv6.sin6_addr, address.bytes().data(), sizeof ipv6.sin6_addr);
    std::memcpy(&made.address, &ipv6, made.size = sizeof ipv6);
  }
  return made;
}

bool becomes(const FileDescriptor& fd, short event) {
  pollfd waited{fd.get(), event, 0};
  return ::poll(&waited, 1, 60) == 1;
}

// Open, or nothing if nobody has answered in time.
FileDescriptor connection(std::string_view from, std::string_view to, std::uint16_t port) {
  const auto source = endpoint(from, 0);
  const auto target = endpoint(to, port);
  FileDescriptor fd(::socket(source.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int yes = 1;
  REQUIRE(::setsockopt(fd.get(), SOL_IP, IP_FREEBIND, &yes, sizeof yes) == 0);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&source.address), source.size) == 0);
  (void)::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target.address), target.size);
  int error = 0;
  socklen_t size = sizeof error;
  const bool answered = becomes(fd, POLLOUT) && ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0;
  return answered && error == 0 ? std::move(fd) : FileDescriptor();
}

bool connects(std::string_view from, std::uint16_t port = 25) {
  return connection(from, has(from, ":") ? server6 : server, port).get() >= 0;
}

// A network for the test alone, from here on: a server of the ports 25 and 26, whose clients may have any address of
// 198.51.100.0/24 and 2001:db8::/32.
class Network {
 public:
  Network() {
    REQUIRE_MESSAGE(::unshare(CLONE_NEWNET) == 0, "no network of one's own: this test needs root");
    run("printf 'link set lo up\naddr add 192.0.2.25/32 dev lo\naddr add 2001:db8:25::1/128 dev lo nodad\n"
        "route add local 198.51.100.0/24 dev lo\n"
        "route add local 2001:db8::/32 dev lo\n' | ip -batch -");
    for (const auto port : std::array<std::uint16_t, 2>{25, 26}) {
      FileDescriptor fd(::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      const auto any = endpoint("::", port);
      REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any.address), any.size) == 0);
      REQUIRE(::listen(fd.get(), 64) == 0);
      listening_.push_back(std::move(fd));
    }
  }

  // That was made last with port 25.
  FileDescriptor accepted() {
    REQUIRE(becomes(listening_[0], POLLIN));
    return FileDescriptor(::accept4(listening_[0].get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  }

 private:
  std::vector<FileDescriptor> listening_;
};

struct Rig {
  explicit Rig(Layout wanted = {}, bool two_steps = false) : layout(std::move(wanted)) {
    auto opened = Nftables::open(layout.table);
    REQUIRE(opened.has_value());
    nftables = std::move(*opened);
    if (two_steps) nftables->refresh_in_two_steps();
  }

  Change ban(std::string_view net, Duration timeout = 10min) const {
    return {element_of(Prefix::parse(net).value(), layout), timeout};
  }
  Change unban(std::string_view net) const { return {element_of(Prefix::parse(net).value(), layout), std::nullopt}; }
  Kind rebuild(const std::vector<Change>& elements = {}) const { return nftables->rebuild(layout, elements).kind; }
  Kind commit(const std::vector<Change>& changes) const { return nftables->commit(changes).kind; }

  Network network;
  Layout layout;
  std::unique_ptr<Nftables> nftables;
};

// Clients that are all different.
std::vector<Change> many(std::size_t number) {
  std::vector<Change> changes;
  for (std::size_t at = 0; at < number; ++at) {
    const std::array<unsigned char, 4> bytes{static_cast<unsigned char>(11 + (at >> 24)),
                                             static_cast<unsigned char>(at >> 16), static_cast<unsigned char>(at >> 8),
                                             static_cast<unsigned char>(at)};
    const auto address = Address::from_bytes(Address::Family::ipv4, bytes.data());
    changes.push_back({{Set::ban4, address, address}, 1h});
  }
  return changes;
}

TEST_CASE("a table is the same whether nft makes it of the text or it is rebuilt") {
  const std::vector<Layout> layouts{
      {},
      {.hook = conf::Hook::prerouting, .priority = 5, .ports = {25, 465, 587}, .ipv4_prefix = 24, .ipv6_prefix = 48},
      {.hook = conf::Hook::forward, .priority = -500, .max_elements = 10, .ipv6_prefix = 128},
  };
  for (const auto& layout : layouts) {
    CAPTURE(rebuild_text(layout, {}));
    const Rig rig(layout);
    std::vector<Change> elements;
    for (const auto* net : {"192.0.2.7", "192.0.2.9", "198.51.100.0/25", "198.51.100.128/26", "198.51.100.192/27",
                            "255.255.255.0/25", "255.255.255.128/25", "203.0.113.0/24", "10.0.0.1", "2001:db8::/64",
                            "2001:db8:1::/48", "2001:db8:2::7", "ffff::/16", "fffe::/16"}) {
      elements.push_back(rig.ban(net, 1h));
    }
    REQUIRE(rig.rebuild(elements) == Kind::done);
    const auto rebuilt = listed();
    CHECK(count(rebuilt, "timeout 1h") == elements.size());
    const Network another;
    feed_nft(rebuild_text(layout, elements));
    CHECK(listed() == rebuilt);
  }
}

TEST_CASE("a set is the same whether nft takes the text of changes or they are committed") {
  const Rig rig;
  const std::vector<Change> before{rig.ban("192.0.2.7", 1h),         rig.ban("192.0.2.8", 1h),
                                   rig.ban("192.0.2.9", 1h),         rig.ban("198.51.100.0/25", 1h),
                                   rig.ban("198.51.100.128/25", 1h), rig.ban("2001:db8::/64", 1h)};
  const std::vector<Change> changes{rig.ban("192.0.2.7", 2h),       rig.unban("192.0.2.8"),
                                    rig.unban("192.0.2.99"),        rig.ban("192.0.2.100", 3h),
                                    rig.ban("198.51.100.0/25", 2h), rig.unban("198.51.100.128/25"),
                                    rig.unban("203.0.113.0/24"),    rig.ban("2001:db8:0:1::/64", 3h)};
  REQUIRE(rig.rebuild(before) == Kind::done);
  REQUIRE(rig.commit(changes) == Kind::done);
  const auto committed = listed();
  CHECK(count(committed, "timeout 1h") == 2);
  CHECK(count(committed, "timeout 2h") == 2);
  CHECK(count(committed, "timeout 3h") == 2);
  CHECK(!has(committed, "192.0.2.8"));
  const Network another;
  feed_nft(rebuild_text(rig.layout, before));
  feed_nft(changes_text(rig.layout, changes));
  CHECK(listed() == committed);
}

TEST_CASE("a banned client makes no new connection to the port, and all else goes on") {
  Rig rig;
  REQUIRE(rig.rebuild() == Kind::done);
  REQUIRE(rig.nftables->check().whole);
  const auto open = connection(client, server, 25);
  REQUIRE(open.get() >= 0);
  const auto served = rig.network.accepted();
  REQUIRE(rig.commit({rig.ban(client), rig.ban("2001:db8:0:1::/64")}) == Kind::done);

  CHECK(!connects(client));
  CHECK(connects(client, 26));
  CHECK(connects("198.51.100.8"));
  CHECK(!connects(client6));
  CHECK(!connects("2001:db8:0:1:ffff::1"));
  CHECK(connects("2001:db8:0:2::7"));
  CHECK(connects(client6, 26));
  CHECK(rig.nftables->check().dropped == 3);

  REQUIRE(::send(open.get(), "QUIT", 4, MSG_NOSIGNAL) == 4);
  REQUIRE(becomes(served, POLLIN));
  REQUIRE(::send(served.get(), "221", 3, MSG_NOSIGNAL) == 3);
  CHECK(becomes(open, POLLIN));

  REQUIRE(rig.commit({rig.unban(client), rig.unban("2001:db8:0:1::/64")}) == Kind::done);
  CHECK(connects(client));
  CHECK(connects(client6));
}

TEST_CASE("nets are looked up as ranges, and clients of other lengths by their mask") {
  const Rig rig({.hook = conf::Hook::prerouting, .ports = {25, 26}, .ipv4_prefix = 28, .ipv6_prefix = 48});
  REQUIRE(rig.rebuild({rig.ban("198.51.100.16/28"), rig.ban("198.51.100.64/26"), rig.ban("198.51.100.200"),
                       rig.ban("2001:db8:1::/48"), rig.ban("2001:db8:2:3::/64")}) == Kind::done);
  for (const auto* banned : {"198.51.100.16", "198.51.100.31", "198.51.100.64", "198.51.100.127", "198.51.100.200",
                             "2001:db8:1:ffff::1", "2001:db8:2:3::", "2001:db8:2:3:ffff:ffff:ffff:ffff"}) {
    CAPTURE(std::string(banned));
    CHECK(!connects(banned, banned == std::string_view("198.51.100.31") ? 26 : 25));
  }
  for (const auto* free :
       {"198.51.100.15", "198.51.100.32", "198.51.100.63", "198.51.100.128", "198.51.100.199", "198.51.100.201",
        "2001:db8:0:ffff::1", "2001:db8:2:2:ffff:ffff:ffff:ffff", "2001:db8:2:4::"}) {
    CAPTURE(std::string(free));
    CHECK(connects(free));
  }
  CHECK(rig.nftables->check().dropped == 8);
}

TEST_CASE("a ban ends by itself, and one that is over is made anew") {
  const Rig rig;
  REQUIRE(rig.rebuild({rig.ban(client, 300ms), rig.ban("198.51.100.64/26", 300ms)}) == Kind::done);
  CHECK(!connects(client));
  std::this_thread::sleep_for(310ms);
  CHECK(connects(client));
  CHECK(connects("198.51.100.64"));
  REQUIRE(rig.commit({rig.ban(client, 1h), rig.ban("198.51.100.64/26", 1h)}) == Kind::done);
  CHECK(!connects(client));
  CHECK(!connects("198.51.100.64"));
  CHECK(rig.nftables->check().whole);
}

TEST_CASE("what changes is as it was said last, in one step and in two") {
  for (const bool two_steps : {false, true}) {
    CAPTURE(two_steps);
    const Rig rig({}, two_steps);
    REQUIRE(rig.rebuild({rig.ban("192.0.2.1", 1h), rig.ban("192.0.2.2", 1h), rig.ban("192.0.2.3", 1h),
                         rig.ban("10.0.0.0/8", 1h), rig.ban("172.16.0.0/13", 1h), rig.ban("172.24.0.0/13", 1h),
                         rig.ban("2001:db8::/64", 1h), rig.ban("2001:db8::/32", 1h)}) == Kind::done);
    REQUIRE(rig.commit({rig.ban("192.0.2.1", 2h), rig.ban("192.0.2.2", 2min), rig.unban("192.0.2.3"),
                        rig.unban("192.0.2.4"), rig.ban("192.0.2.5", 3min), rig.ban("10.0.0.0/8", 2h),
                        rig.ban("172.16.0.0/13", 2min), rig.unban("172.24.0.0/13"), rig.unban("192.168.0.0/16"),
                        rig.ban("255.255.255.128/25", 3min), rig.ban("255.255.255.0/25", 2min),
                        rig.unban("2001:db8::/64"), rig.ban("2001:db8::/32", 2min)}) == Kind::done);
    auto now = listed();
    CHECK(has(now, "192.0.2.1 timeout 2h"));
    CHECK(has(now, "192.0.2.2 timeout 2m"));
    CHECK(has(now, "192.0.2.5 timeout 3m"));
    CHECK(has(now, "10.0.0.0/8 timeout 2h"));
    CHECK(has(now, "172.16.0.0/13 timeout 2m"));
    CHECK(has(now, "255.255.255.0/25 timeout 2m"));
    CHECK(has(now, "255.255.255.128/25 timeout 3m"));
    CHECK(has(now, "2001:db8::/32 timeout 2m"));
    CHECK(count(now, "timeout ") == 8);
    // The range that touches the last of all addresses, and one in the place of two.
    REQUIRE(rig.commit({rig.unban("255.255.255.128/25"), rig.unban("255.255.255.0/25"),
                        rig.ban("255.255.255.0/24", 5min), rig.unban("10.0.0.0/8"), rig.ban("10.0.0.0/9", 6min),
                        rig.ban("10.128.0.0/9", 7min)}) == Kind::done);
    now = listed();
    CHECK(has(now, "255.255.255.0/24 timeout 5m"));
    CHECK(has(now, "10.0.0.0/9 timeout 6m"));
    CHECK(has(now, "10.128.0.0/9 timeout 7m"));
    CHECK(rig.commit({rig.unban("255.255.255.0/24")}) == Kind::done);
    CHECK(!has(listed(), "255.255.255"));
    CHECK(rig.nftables->check().whole);
  }
}

// 240.0.0.0/4 in 32 parts, cut into ranges anew in each round: what is another range than before goes, others come, are
// refreshed or stay. The last one touches the last of all addresses.
class Ranges {
 public:
  explicit Ranges(unsigned seed) : random_(seed) {}

  std::vector<Change> next_changes() {
    const auto before = std::exchange(now_, {});
    std::vector<Change> changes;
    for (std::uint32_t part = 0; part < 32;) {
      const auto parts = std::min<std::uint32_t>(1 + random_() % 4, 32 - part);
      if (random_() % 4 != 0) now_.push_back(range(part, parts));
      part += parts;
    }
    for (const auto& change : before) {
      if (std::ranges::count(now_, change.element, &Change::element) == 0) {
        changes.push_back({change.element, std::nullopt});
      }
    }
    changes.insert(changes.end(), now_.begin(), now_.end());
    std::ranges::shuffle(changes, random_);
    return changes;
  }

  const std::vector<Change>& now() const { return now_; }

 private:
  Change range(std::uint32_t part, std::uint32_t parts) {
    const auto address = [](std::uint32_t value) {
      const auto wire = htonl(value);
      return Address::from_bytes(Address::Family::ipv4, reinterpret_cast<const unsigned char*>(&wire));
    };
    const auto first = 0xF0000000U + (part << 23);
    return {{Set::net4, address(first), address(first + (parts << 23) - 1)}, std::chrono::hours(1 + random_() % 48)};
  }

  std::mt19937 random_;
  std::vector<Change> now_;
};

TEST_CASE("ranges that go, come and change are at last as if they had been made so") {
  for (const bool two_steps : {false, true}) {
    const Rig rig({}, two_steps);
    REQUIRE(rig.rebuild() == Kind::done);
    const auto other = Nftables::open("other").value();
    Ranges ranges(two_steps ? 1 : 2);
    for (int round = 0; round < 8; ++round) {
      const auto changes = ranges.next_changes();
      CAPTURE(changes_text(rig.layout, changes));
      REQUIRE(rig.commit(changes) == Kind::done);
      REQUIRE(other->rebuild({.table = "other"}, ranges.now()).ok());
      const auto wanted = run("nft -s list set inet other net4");
      CHECK(run("nft -s list set inet mxwarden net4 | sed 's/inet mxwarden/inet other/'") == wanted);
    }
    CHECK(rig.nftables->check().whole);
  }
}

TEST_CASE("one bad element undoes the whole transaction") {
  const Rig rig;
  REQUIRE(rig.rebuild({rig.ban("10.0.0.0/8", 1h)}) == Kind::done);
  const auto before = listed();
  const std::vector<Change> changes{rig.ban(client), rig.ban("2001:db8::/64"), rig.ban("10.1.0.0/16")};
  const auto refused = rig.nftables->commit(changes);
  CHECK(refused.kind == Kind::refused);
  CHECK(has(refused.why, "exists"));
  CHECK(listed() == before);
  CHECK(rig.rebuild({rig.ban("10.0.0.0/8", 1h), rig.ban("10.1.0.0/16")}) == Kind::refused);
  CHECK(listed() == before);
  CHECK(rig.nftables->check().whole);
}

TEST_CASE("what covers a canary is refused, and the canaries stay") {
  const Rig rig({.ipv4_prefix = 24});
  REQUIRE(rig.rebuild() == Kind::done);
  for (const auto* net : {"0.0.0.0/24", "0.0.0.1", "0.0.0.0/8", "0.0.0.0/0", "100::/64", "100::", "::/0"}) {
    CAPTURE(std::string(net));
    CHECK(rig.commit({rig.ban("203.0.113.0/24"), rig.ban(net)}) == Kind::refused);
    CHECK(rig.commit({rig.unban(net)}) == Kind::refused);
    CHECK(rig.rebuild({rig.ban(net)}) == Kind::refused);
  }
  CHECK(rig.nftables->check().whole);
  CHECK(!has(listed(), "203.0.113"));
}

TEST_CASE("a set that is full takes no more") {
  const Rig rig({.max_elements = 1});
  const auto room = size_of_hash(rig.layout) - 1;
  REQUIRE(rig.rebuild(many(room)) == Kind::done);
  CHECK(rig.commit({rig.ban(client)}) == Kind::full);
  CHECK(rig.commit({many(1)[0]}) == Kind::done);
  CHECK(rig.rebuild(many(room + 1)) == Kind::full);
  CHECK(rig.nftables->check().whole);
}

TEST_CASE("where the table is missing nothing can be changed, however many errors that makes") {
  for (const bool two_steps : {false, true}) {
    CAPTURE(two_steps);
    const Rig rig({}, two_steps);
    CHECK(rig.commit({rig.ban(client)}) == Kind::missing);
    CHECK(rig.commit({rig.unban(client)}) == Kind::missing);
    REQUIRE(rig.rebuild() == Kind::done);
    REQUIRE(rig.nftables->remove().ok());
    CHECK(rig.nftables->remove().ok());
    CHECK(rig.nftables->commit(many(400'000)).kind == Kind::missing);
    CHECK(rig.nftables->check().asked);
    CHECK(rig.rebuild() == Kind::done);
    CHECK(rig.commit({rig.ban(client)}) == Kind::done);
    CHECK(rig.nftables->check().whole);
  }
}

std::string handle_of(std::string_view comment) {
  return "$(nft -a list chain inet mxwarden new_connections | sed -n 's/.*\"" + std::string(comment) +
         "\" # handle //p')";
}

TEST_CASE("what somebody has done to the table is seen, and a rebuild mends it") {
  const Rig rig;
  const std::string rule = "rule inet mxwarden new_connections";
  const std::vector<std::pair<std::string, std::string_view>> rows{
      {"flush ruleset", "no table inet mxwarden"},
      {"delete table inet mxwarden", "no table inet mxwarden"},
      {"flush set inet mxwarden ban4", "0.0.0.0 in set ban4 is missing"},
      {"flush set inet mxwarden ban6", "100:: in set ban6 is missing"},
      {"flush set inet mxwarden net4", "0.0.0.1 in set net4 is missing"},
      {"flush set inet mxwarden net6", "100:: in set net6 is missing"},
      {"'flush set inet mxwarden net4; add element inet mxwarden net4 { 0.0.0.0-0.0.0.3 }'", "0.0.0.1 in set net4"},
      {"'flush set inet mxwarden ban4; add element inet mxwarden ban4 { 0.0.0.0 timeout 1h }'", "0.0.0.0 in set ban4"},
      {"flush chain inet mxwarden new_connections", "rules of chain new_connections are not"},
      {"delete " + rule + " handle " + handle_of("banned IPv4 clients"), "rules of chain"},
      {"insert " + rule + " accept", "rules of chain"},
      {"add " + rule + " accept", "rules of chain"},
      {"replace " + rule + " handle " + handle_of("banned IPv6 nets") +
           " ip6 saddr @ban6 counter drop comment '\"banned IPv6 nets\"'",
       "rules of chain"},
      {"'add table inet mxwarden { flags dormant; }'", "dormant"},
      {"'add chain inet mxwarden new_connections { policy drop; }'", "chain new_connections is not as"},
      {"'flush chain inet mxwarden new_connections; delete chain inet mxwarden new_connections'",
       "chain new_connections is missing"},
  };
  for (const auto& [said, words] : rows) {
    const std::string command = said;
    CAPTURE(command);
    REQUIRE(rig.rebuild({rig.ban(client)}) == Kind::done);
    const auto before = rig.nftables->check();
    CHECK(before.asked);
    CHECK(before.whole);
    CHECK(before.why.empty());
    run("nft " + command);
    const auto after = rig.nftables->check();
    CHECK(after.asked);
    CHECK(!after.whole);
    CAPTURE(after.why);
    CHECK(has(after.why, words));
  }
  REQUIRE(rig.rebuild() == Kind::done);
  feed_nft(rebuild_text({.priority = 7}, {}));
  CHECK(has(rig.nftables->check().why, "chain new_connections is not as"));
}

TEST_CASE("nobody can change the ports") {
  const Rig rig;
  REQUIRE(rig.rebuild() == Kind::done);
  CHECK(::system("nft flush set inet mxwarden ports 2>/dev/null") != 0);
  CHECK(::system("nft 'delete element inet mxwarden ports { 25 }' 2>/dev/null") != 0);
  CHECK(rig.nftables->check().whole);
}

TEST_CASE("a table of an earlier life is known by its form") {
  const Rig rig;
  CHECK(!rig.nftables->check().whole);
  feed_nft(rebuild_text(rig.layout, {}));
  CHECK(rig.nftables->check().whole);
  CHECK(rig.commit({rig.ban(client)}) == Kind::done);
  CHECK(!connects(client));
  CHECK(rig.nftables->check().dropped == 1);
  run("nft delete rule inet mxwarden new_connections handle " + handle_of("banned IPv6 nets"));
  CHECK(!rig.nftables->check().whole);
  run("nft 'delete table inet mxwarden; add table inet mxwarden'");
  CHECK(rig.nftables->check().foreign);
  CHECK(rig.nftables->remove().kind == Kind::refused);
  run("nft 'add chain inet mxwarden new_connections'");
  CHECK(!rig.nftables->check().foreign);
}

TEST_CASE("the elements are counted as the kernel does, if it does") {
  const Rig rig;
  REQUIRE(rig.rebuild({rig.ban(client), rig.ban("198.51.100.8"), rig.ban("2001:db8::/64")}) == Kind::done);
  const auto counts = rig.nftables->check().elements;
  if (!counts[0]) return;
  CHECK(counts[static_cast<std::size_t>(Set::ban4)] == 3);
  CHECK(counts[static_cast<std::size_t>(Set::ban6)] == 2);
  CHECK(counts[static_cast<std::size_t>(Set::net4)] == 1);
  CHECK(counts[static_cast<std::size_t>(Set::net6)] == 1);
}

TEST_CASE("a hundred thousand are there after one transaction") {
  constexpr std::size_t number = 100'000;
  const Rig rig;
  const auto elements = many(number);
  const SystemClock clock;
  const auto began = clock.now();
  REQUIRE(rig.rebuild(elements) == Kind::done);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - began);
  MESSAGE("100,000 elements: " << took.count() << " ms");
  const auto counted = rig.nftables->check().elements[static_cast<std::size_t>(Set::ban4)];
  // To list them takes nft longer than all else here.
  if (counted) CHECK(*counted == number + 1);
  if (!counted) CHECK(count(run("nft list set inet mxwarden ban4"), "timeout 1h") == number);
}

TEST_CASE("what was tried at the beginning is gone, and the host's own tables stand") {
  const Network network;
  run("nft add table inet filter");
  REQUIRE(Nftables::open("mxwarden").has_value());
  CHECK(run("nft list tables") == "table inet filter\n");
}

TEST_CASE("a user without the capability is told which it takes") {
  const Network network;
  const auto child = ::fork();
  if (child == 0) {
    const bool lowered = ::setgid(65534) == 0 && ::setuid(65534) == 0;
    const auto opened = Nftables::open("mxwarden");
    ::_exit(lowered && opened.has_error() && has(opened.error().message, "needs CAP_NET_ADMIN") ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

}  // namespace
}  // namespace mxwarden::firewall
