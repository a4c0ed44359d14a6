// Whatever mxwardend tells, in whatever order, and whatever the kernel does meanwhile: nothing reaches the kernel that
// must not, and when it has settled the kernel has each address until the end of the longest ban it lies in.

#include <fmt/format.h>

#include <array>
#include <map>
#include <random>

#include "rig.hpp"

namespace mxwarden::firewall {
namespace {

using namespace std::chrono_literals;

// The list of bans, as its contract says it, without any haste.
class Model {
 public:
  void add(const Ban& ban, Instant now) {
    if (is_too_short(ban)) return;
    const auto until = later(ban, now);
    in_force_[ban.net] = until;
    if (!listed_) return;
    const auto [mark, is_first] = listed_->try_emplace(ban.net, until);
    if (!is_first) mark->second = std::max(mark->second, now + ban.left);
  }
  void remove(const Prefix& net) {
    in_force_.erase(net);
    if (listed_) listed_->erase(net);
  }
  void begin(std::int64_t epoch) {
    listed_.emplace();
    epoch_ = epoch;
  }
  void list(const Ban& ban, Instant now) {
    if (is_too_short(ban)) return;
    in_force_[ban.net] = later(ban, now);
    if (listed_) (*listed_)[ban.net] = now + ban.left;
  }
  void end() {
    if (listed_ && epoch_ > last_epoch_) {
      in_force_ = *listed_;
      last_epoch_ = epoch_;
    }
    listed_.reset();
  }
  void break_off() { listed_.reset(); }

  std::optional<Instant> until(const Address& address, const LastGuard& guard, Instant now) const {
    std::optional<Instant> latest;
    for (const auto& [net, until] : in_force_) {
      if (!net.contains(address) || until <= now || guard.why_not(net)) continue;
      if (!latest || *latest < until) latest = until;
    }
    return latest;
  }

 private:
  static bool is_too_short(const Ban& ban) { return ban.length.value_or(ban.left) < 10min; }
  Instant later(const Ban& ban, Instant now) const {
    const auto found = in_force_.find(ban.net);
    return found == in_force_.end() ? now + ban.left : std::max(found->second, now + ban.left);
  }

  std::map<Prefix, Instant> in_force_;
  std::optional<std::map<Prefix, Instant>> listed_;
  std::int64_t epoch_ = 0;
  std::int64_t last_epoch_ = 0;
};

class Madness {
 public:
  explicit Madness(unsigned seed) : random_(seed) {}

  void run(int steps) {
    rig_.start();
    begin();
    end();
    for (int step = 0; step < steps; ++step) one_step();
    settle();
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }

  Prefix some_net() {
    static constexpr std::array<const char*, 4> nets4{"198.51.100.", "203.0.113.", "192.0.2.", "10.0.0."};
    static constexpr std::array lengths4{32, 32, 32, 31, 30, 28, 25, 24, 23};
    static constexpr std::array lengths6{64, 64, 64, 128, 65, 63, 60, 56, 55};
    const bool ipv4 = pick(3) > 0;
    const auto text = ipv4 ? fmt::format("{}{}", nets4[pick(nets4.size())], pick(16) * 8)
                           : fmt::format("2001:db8:0:{:x}::{:x}", pick(32), pick(2));
    return {address(text), ipv4 ? lengths4[pick(lengths4.size())] : lengths6[pick(lengths6.size())]};
  }

  Ban some_ban() {
    const auto left = std::chrono::seconds(1 + pick(7200));
    const auto length = left + std::chrono::seconds(pick(3600));
    return {some_net(), left, pick(2) == 0 ? std::optional<Duration>(length) : std::nullopt};
  }

  void begin() {
    const auto epoch = ++epoch_ - (pick(8) == 0 ? 5 : 0);
    rig_.tell(told::SnapshotBegins{epoch});
    model_.begin(epoch);
  }
  void end() {
    rig_.tell(told::SnapshotEnds{});
    model_.end();
  }
  void list() {
    const auto ban = some_ban();
    rig_.tell(told::InSnapshot{ban});
    model_.list(ban, rig_.clock.now());
  }
  void add() {
    const auto ban = some_ban();
    rig_.tell(told::Added{ban});
    model_.add(ban, rig_.clock.now());
  }
  void remove() {
    const auto net = some_net();
    rig_.tell(told::Removed{net});
    model_.remove(net);
  }
  void break_off() {
    rig_.synchroniser.stream_ended();
    model_.break_off();
  }
  void suspend() {
    rig_.clock.advance(std::chrono::seconds(pick(1000)));
    rig_.synchroniser.was_suspended(rig_.clock.now());
  }
  void move_house() {
    own_.clear();
    if (pick(2) == 0) own_.push_back(address(fmt::format("198.51.100.{}", pick(128))));
    if (pick(2) == 0) own_.push_back(address(fmt::format("2001:db8:0:{:x}::25", pick(32))));
    guard_ = LastGuard(rig_.with, own_);
    rig_.synchroniser.own_addresses_are(own_, rig_.clock.now());
    rig_.work();
    for (const auto& own : own_) {
      if (is_well_) REQUIRE_FALSE(rig_.kernel.until(own).has_value());
    }
  }
  void disturb_kernel() {
    is_well_ = false;
    switch (pick(6)) {
      case 0:
        rig_.kernel.vanish();
        break;
      case 1:
        rig_.kernel.lost_answers = static_cast<int>(1 + pick(3));
        break;
      case 2:
        rig_.kernel.denied = true;
        break;
      case 3:
        rig_.kernel.answers = false;
        break;
      case 4:
        rig_.kernel.too_long = 1 + pick(10);
        break;
      default:
        rig_.kernel.refuses = [](const Element& element) { return element.first.bytes()[3] % 16 == 8; };
    }
  }
  void leave_kernel_alone() {
    rig_.kernel.denied = false;
    rig_.kernel.answers = true;
    rig_.kernel.lost_answers = 0;
    rig_.kernel.too_long = std::numeric_limits<std::size_t>::max();
    rig_.kernel.refuses = [](const Element&) { return false; };
  }

  void one_step() {
    switch (pick(24)) {
      case 0:
        begin();
        break;
      case 1:
        end();
        break;
      case 2:
        if (pick(4) == 0) break_off();
        break;
      case 3:
        if (pick(8) == 0) suspend();
        break;
      case 4:
        if (pick(4) == 0) move_house();
        break;
      case 5:
        if (pick(4) == 0) disturb_kernel();
        break;
      case 6:
        leave_kernel_alone();
        break;
      case 7:
        rig_.pass(std::chrono::milliseconds(pick(20'000)));
        break;
      case 8:
      case 9:
      case 10:
      case 11:
        remove();
        break;
      case 12:
      case 13:
      case 14:
      case 15:
      case 16:
        list();
        break;
      default:
        add();
        rig_.pass(std::chrono::milliseconds(pick(100)));
    }
  }

  // What was refused comes again with the next rebuild.
  void settle() {
    leave_kernel_alone();
    rig_.pass(10s);
    rig_.synchroniser.was_suspended(rig_.clock.now());
    rig_.pass(1s);
    check_all();
    is_well_ = true;
    for (int step = 0; step < 100; ++step) {
      pick(3) == 0 ? remove() : add();
      if (pick(10) == 0) move_house();
      rig_.pass(200ms);
      if (step % 10 == 0) check_all();
    }
    check_all();
    CHECK(rig_.synchroniser.figures().trouble.empty());
    CHECK(rig_.synchroniser.figures().waiting == 0);
  }

  void check_all() const {
    for (const auto* net : {"198.51.100.", "203.0.113.", "192.0.2.", "10.0.0."}) {
      for (int last = 0; last < 256; ++last) check(address(fmt::format("{}{}", net, last)));
    }
    for (int place = 0; place < 64; ++place) {
      for (const auto* host : {"0", "1", "8000::"})
        check(address(fmt::format("2001:db8:0:{:x}:{}", place, *host == '8' ? "8000::" : fmt::format(":{}", host))));
    }
  }

  void check(const Address& address) const {
    const auto now = rig_.clock.now();
    const auto wanted = model_.until(address, guard_, now);
    const auto found = rig_.kernel.until(address);
    // Ends that are the same may be the one or the other.
    const auto most = BanList::same_end;
    CAPTURE(address.to_string());
    CAPTURE((wanted ? (*wanted - now).count() : 0));
    CAPTURE((found ? (*found - now).count() : 0));
    REQUIRE(std::chrono::abs(wanted.value_or(now) - found.value_or(now)) <= most);
  }

  std::minstd_rand random_;
  std::vector<Address> own_;
  Rig rig_;
  LastGuard guard_{rig_.with, {}};
  Model model_;
  std::int64_t epoch_ = 10;
  bool is_well_ = true;
};

}  // namespace

TEST_CASE("after a mad stream and a mad kernel each address is banned until the latest end of its bans") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Madness(seed).run(400);
  }
}

}  // namespace mxwarden::firewall
