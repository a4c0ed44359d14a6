#pragma once
// A kernel in memory, whose time is a ManualClock's: what firewall/kernel.hpp promises, and all that can go wrong with
// it. It counts what those who call it must not do, in faults().

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "firewall/halving.hpp"
#include "firewall/kernel.hpp"

namespace mxwarden::tests {

class MemoryKernel final : public firewall::Kernel {
 public:
  using Change = firewall::Change;
  using Element = firewall::Element;
  using Outcome = firewall::Outcome;
  using Set = firewall::Set;
  using Kind = Outcome::Kind;

  explicit MemoryKernel(const Clock& clock) : clock_(clock) {}

  Outcome rebuild(const firewall::Layout& layout, std::span<const Change> elements) override {
    ++rebuilds_;
    return transact(elements, true, [&] {
      is_there_ = true;
      damaged = false;
      layout_ = layout;
      elements_.clear();
    });
  }

  Outcome commit(std::span<const Change> changes) override {
    ++commits_;
    if (changes.empty()) fault("an empty transaction");
    if (changes.size() > firewall::most_changes && !replaces_nets(changes)) fault("too large a transaction");
    if (!is_there_ && !denied) return {Kind::missing, "there is no table"};
    return transact(changes, false, [] {});
  }

  firewall::Health check() override {
    ++checks_;
    firewall::Health health;
    health.asked = answers;
    health.foreign = answers && foreign;
    health.whole = answers && is_there_ && !damaged && !foreign;
    if (!health.whole) {
      health.why = !answers ? "no answer" : is_there_ ? "the table is not as it was made" : "the table is gone";
    }
    health.drops = !answers || is_there_;
    if (!health.whole) return health;
    health.dropped = dropped;
    for (const auto set : firewall::all_sets) health.elements[static_cast<std::size_t>(set)] = size(set) + 1;
    return health;
  }

  Outcome remove() override {
    vanish();
    return {};
  }

  // What may go wrong.
  std::function<bool(const Element&)> refuses = [](const Element&) { return false; };
  std::size_t room = std::numeric_limits<std::size_t>::max();      // of each set
  std::size_t too_long = std::numeric_limits<std::size_t>::max();  // what is longer
  int lost_answers = 0;                                            // the next ones; each second one was not done
  bool denied = false;
  bool answers = true;
  bool damaged = false;  // until the next rebuild; it drops all the same
  bool foreign = false;  // what is there is another's
  std::uint64_t dropped = 0;
  void vanish() {
    is_there_ = false;
    elements_.clear();
  }
  // From an earlier life.
  void stands_with(const Element& element, Duration timeout) {
    is_there_ = true;
    elements_[element] = clock_.now() + timeout;
  }

  // What is there.
  bool is_there() const { return is_there_; }
  const firewall::Layout& layout() const { return layout_; }
  std::size_t size(Set set) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        elements_, [&](const auto& one) { return one.first.set == set && one.second > clock_.now(); }));
  }
  // The latest end of all elements that the address lies in.
  std::optional<Instant> until(const Address& address) const {
    std::optional<Instant> latest;
    for (const auto& [element, until] : elements_) {
      if (until <= clock_.now() || !covers(element, address)) continue;
      if (!latest || *latest < until) latest = until;
    }
    return latest;
  }
  std::map<Element, Instant> in_force() const {
    auto all = elements_;
    std::erase_if(all, [&](const auto& one) { return one.second <= clock_.now(); });
    return all;
  }
  int rebuilds() const { return rebuilds_; }
  int commits() const { return commits_; }
  int checks() const { return checks_; }
  std::size_t largest() const { return largest_; }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  static bool replaces_nets(std::span<const Change> changes) {
    return !firewall::is_hash(changes.front().element.set) && !changes.front().timeout;
  }
  template <class Begin>
  Outcome transact(std::span<const Change> changes, bool anew, Begin begin) {
    if (denied) return {Kind::denied, "it is not allowed"};
    look_at(changes, anew);
    if (changes.size() > too_long) return {Kind::too_long, "it is too long"};
    if (std::ranges::any_of(changes, [&](const Change& change) { return refuses(change.element); })) {
      return {Kind::refused, "it is not wanted"};
    }
    const bool lost = lost_answers > 0;
    if (lost && lost_answers-- % 2 == 0) return {Kind::unknown, "the answer was lost"};
    auto before = elements_;
    const bool was_there = is_there_;
    begin();
    const auto outcome = apply(changes);
    if (!outcome.ok()) {
      elements_ = std::move(before);
      is_there_ = was_there;
    } else {
      largest_ = std::max(largest_, changes.size());
    }
    return lost && outcome.ok() ? Outcome{Kind::unknown, "the answer was lost"} : outcome;
  }

  void look_at(std::span<const Change> changes, bool anew) {
    std::set<Element> seen;
    for (const auto& change : changes) {
      if (!seen.insert(change.element).second) fault("an element twice");
      if (change.timeout && *change.timeout <= Duration{}) fault("an end that is over");
      if (anew && !change.timeout) fault("a removal in a rebuild");
      if (change.element.last < change.element.first) fault("a range that ends before it begins");
    }
  }

  Outcome apply(std::span<const Change> changes) {
    std::erase_if(elements_, [&](const auto& one) { return one.second <= clock_.now(); });
    for (const auto& [element, timeout] : changes) {
      if (!timeout) elements_.erase(element);
    }
    for (const auto& [element, timeout] : changes) {
      if (!timeout) continue;
      elements_.erase(element);
      if (!is_hash(element.set) && overlaps_one(element)) {
        fault("a range that overlaps one");
        return {Kind::refused, "it overlaps"};
      }
      if (room != std::numeric_limits<std::size_t>::max() && size(element.set) >= room)
        return {Kind::full, "it is full"};
      elements_[element] = clock_.now() + *timeout;
    }
    return {};
  }

  bool overlaps_one(const Element& element) const {
    const auto behind = elements_.lower_bound(element);
    if (behind != elements_.end() && behind->first.set == element.set && behind->first.first <= element.last)
      return true;
    if (behind == elements_.begin()) return false;
    const auto& before = std::prev(behind)->first;
    return before.set == element.set && before.last >= element.first;
  }

  bool covers(const Element& element, const Address& address) const {
    if (element.first.family() != address.family()) return false;
    if (!is_hash(element.set)) return element.first <= address && address <= element.last;
    return address.masked(element.set == Set::ban4 ? layout_.ipv4_prefix : layout_.ipv6_prefix) == element.first;
  }

  void fault(std::string_view what) { faults_.emplace_back(what); }

  const Clock& clock_;
  bool is_there_ = false;
  firewall::Layout layout_;
  std::map<Element, Instant> elements_;
  int rebuilds_ = 0;
  int commits_ = 0;
  int checks_ = 0;
  std::size_t largest_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace mxwarden::tests
