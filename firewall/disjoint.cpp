#include "firewall/disjoint.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "firewall/neighbours.hpp"

namespace mxwarden::firewall {
namespace {

// Goes along the addresses. Prefixes lie in each other or apart, so that those around a place are a stack.
class Sweep {
 public:
  void enter(const Prefix& net, Instant until) {
    while (!around_.empty() && around_.back().last < net.address()) leave();
    if (!around_.empty()) {
      until = std::max(until, around_.back().until);
      if (place_ && *place_ < net.address()) emit(before(net.address()));
    }
    place_ = net.address();
    around_.push_back({last_of(net), until});
  }

  std::vector<Range> end() {
    while (!around_.empty()) leave();
    return std::move(ranges_);
  }

 private:
  struct Around {
    Address last;
    Instant until;  // of this one and all around it
  };

  void leave() {
    const auto last = around_.back().last;
    if (place_ && *place_ <= last) {
      emit(last);
      place_ = behind(last);
    }
    around_.pop_back();
  }

  // From the place up to `last`.
  void emit(const Address& last) {
    const auto until = around_.back().until;
    if (!ranges_.empty() && ranges_.back().until == until && behind(ranges_.back().last) == place_) {
      ranges_.back().last = last;
    } else {
      ranges_.push_back({*place_, last, until});
    }
  }

  std::vector<Around> around_;
  std::optional<Address> place_;  // the first address that is in no range yet; nothing: the last one is
  std::vector<Range> ranges_;
};

}  // namespace

std::vector<Range> disjoint(const std::vector<Until>& nets) {
  Sweep sweep;
  for (const auto& [net, until] : nets) sweep.enter(net, until);
  return sweep.end();
}

}  // namespace mxwarden::firewall
