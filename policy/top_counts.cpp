#include "policy/top_counts.hpp"

#include <xxhash.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "policy/space_saving.hpp"

namespace mxwarden::policy {
namespace {

constexpr int ipv4_network = 24;
constexpr int ipv6_network = 64;
constexpr std::size_t most_rules = 1'000;
constexpr std::size_t most_together = 10'000;  // keys
constexpr std::int64_t few_slices = 2;         // are not worth keeping together
constexpr std::size_t most_pending = 256;      // decisions

// A login name without memory of its own.
class Login {
 public:
  explicit Login(std::string_view name) : size_(static_cast<std::uint8_t>(std::min(name.size(), text_.size()))) {
    std::copy_n(name.begin(), size_, text_.begin());
  }

  std::string_view text() const { return {text_.data(), size_}; }
  std::string to_string() const { return std::string(text()); }
  bool operator==(const Login& other) const { return text() == other.text(); }

 private:
  std::array<char, longest_top_name> text_;
  std::uint8_t size_;
};

std::uint64_t hash_of(const Prefix& prefix, std::uint64_t seed) {
  const auto& bytes = prefix.address().bytes();
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed + static_cast<std::uint64_t>(prefix.length()));
}

std::uint64_t hash_of(const Login& login, std::uint64_t seed) {
  return XXH3_64bits_withSeed(login.text().data(), login.text().size(), seed);
}

// What is known of a key in a slice that is over.
template <class Key>
struct Item {
  Key key;
  std::uint32_t count;
  std::uint32_t error;
  Instant last;
  std::uint16_t rule;
};

// A slice that is over.
template <class Key>
struct PastSlice {
  std::int64_t number = -1;  // from the start; -1: none
  std::uint64_t floor = 0;
  std::vector<Item<Key>> items;
};

std::uint32_t cut_to_32_bits(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, ~std::uint32_t{0}));
}

// One category.
template <class Key>
class Category {
 public:
  explicit Category(std::uint64_t seed) : seed_(seed) {}

  // `rule` 0: it was not refused now.
  void count(const Key& key, std::uint16_t rule, Instant now) {
    auto& entry = running_.count(key, tag_of(key));
    entry.last = now;
    if (rule != 0) entry.rule = rule;
  }

  void refused(const Key& key, std::uint16_t rule) {
    if (auto* entry = running_.find(key, tag_of(key))) entry->rule = rule;
  }

  // The running slice, of this number, is over.
  void turn(std::int64_t number) {
    auto& past = past_[static_cast<std::size_t>(number) % past_.size()];
    past.number = number;
    past.floor = running_.floor();
    std::vector<Item<Key>> items;  // with just the memory that it needs
    items.reserve(running_.entries().size());
    for (const auto& entry : running_.entries()) {
      items.push_back(
          {entry.key, cut_to_32_bits(running_.count_of(entry)), cut_to_32_bits(entry.error), entry.last, entry.rule});
    }
    past.items = std::move(items);
    running_.clear();
  }

  // Of the slices from this number on, and the running one, which has `number`.
  template <class NameOfRule>
  TopList list(std::int64_t from, std::int64_t number, std::size_t most, const NameOfRule& name_of_rule, Instant now,
               WallTime wall_now) {
    const auto merged = merge_all(from, number);
    const auto sorted = worst_of(merged, most);
    TopList list;
    list.floor = sorted.floor;
    for (const auto* each : sorted.sums) {
      const auto& [key, sum] = *each;
      const auto count = merged.count_of(sum);
      list.entries.push_back({.name = key.to_string(),
                              .count = count,
                              .error = count - sum.at_least,
                              .rule = name_of_rule(sum.rule),
                              .last = std::chrono::floor<std::chrono::milliseconds>(wall_now - (now - sum.last))});
    }
    std::ranges::sort(list.entries, is_worse);
    return list;
  }

 private:
  // Of one key, in several slices.
  struct Sum {
    std::int64_t above_floor = 0;  // of all; may be below 0 where some were cut off
    std::uint64_t at_least = 0;
    Instant last{};
    std::uint16_t rule = 0;
  };
  using KeyAndSum = std::pair<const Key, Sum>;
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(const Key& key) const { return hash_of(key, seed); }
    std::uint64_t seed = 0;
  };
  struct Merged {
    boost::unordered_flat_map<Key, Sum, Hash> sums;
    std::uint64_t floor = 0;

    std::uint64_t count_of(const Sum& sum) const { return floor + static_cast<std::uint64_t>(sum.above_floor); }

    void add(const Key& key, std::uint64_t count, std::uint64_t error, std::uint64_t floor_there, Instant last,
             std::uint16_t rule) {
      auto& sum = sums[key];
      sum.above_floor += static_cast<std::int64_t>(count - floor_there);
      sum.at_least += count - error;
      sum.last = std::max(sum.last, last);
      if (rule != 0) sum.rule = rule;
    }
  };
  // Of which some were cut off; the floor is that of what is left.
  struct Worst {
    std::vector<const KeyAndSum*> sums;
    std::uint64_t floor = 0;
  };
  // The worst of slices that are over, together.
  struct Past {
    std::int64_t from = -1;
    std::int64_t number = -1;  // of the slice that was running
    std::uint64_t floor = 0;
    std::vector<KeyAndSum> sums;
  };

  std::uint32_t tag_of(const Key& key) const { return static_cast<std::uint32_t>(hash_of(key, seed_)); }

  Merged nothing() const { return {.sums = boost::unordered_flat_map<Key, Sum, Hash>(0, Hash{seed_})}; }

  static Worst worst_of(const Merged& merged, std::size_t most) {
    Worst worst{.sums = {}, .floor = merged.floor};
    worst.sums.reserve(merged.sums.size());
    for (const auto& sum : merged.sums) worst.sums.push_back(&sum);
    const auto end = worst.sums.begin() + static_cast<std::ptrdiff_t>(std::min(most, worst.sums.size()));
    std::ranges::nth_element(worst.sums, end,
                             [](const auto* a, const auto* b) { return a->second.at_least > b->second.at_least; });
    for (auto cut = end; cut != worst.sums.end(); ++cut) {
      worst.floor = std::max(worst.floor, merged.count_of((*cut)->second));
    }
    worst.sums.erase(end, worst.sums.end());
    return worst;
  }

  // The oldest first, so that the last rule stays.
  Merged merge_past(std::int64_t from) const {
    std::vector<const PastSlice<Key>*> slices;
    for (const auto& past : past_) {
      if (past.number >= from) slices.push_back(&past);
    }
    std::ranges::sort(slices, {}, &PastSlice<Key>::number);
    auto merged = nothing();
    for (const auto* slice : slices) {
      merged.floor += slice->floor;
      for (const auto& item : slice->items) {
        merged.add(item.key, item.count, item.error, slice->floor, item.last, item.rule);
      }
    }
    return merged;
  }

  // A day of floods takes eight milliseconds to merge, so it is done once for each slice.
  const Past& past_from(std::int64_t from, std::int64_t number) {
    if (together_.from == from && together_.number == number) return together_;
    const auto merged = merge_past(from);
    const auto worst = worst_of(merged, most_together);
    together_ = {.from = from, .number = number, .floor = worst.floor, .sums = {}};
    together_.sums.reserve(worst.sums.size());
    for (const auto* each : worst.sums) {
      auto& sum = together_.sums.emplace_back(*each).second;
      sum.above_floor = static_cast<std::int64_t>(merged.count_of(sum) - worst.floor);
    }
    return together_;
  }

  Merged copy(const Past& past) const {
    auto merged = nothing();
    merged.floor = past.floor;
    merged.sums.reserve(past.sums.size() + TopCounts::keys);
    merged.sums.insert(past.sums.begin(), past.sums.end());
    return merged;
  }

  Merged merge_all(std::int64_t from, std::int64_t number) {
    auto merged = number - from <= few_slices ? merge_past(from) : copy(past_from(from, number));
    merged.floor += running_.floor();
    for (const auto& entry : running_.entries()) {
      merged.add(entry.key, running_.count_of(entry), entry.error, running_.floor(), entry.last, entry.rule);
    }
    return merged;
  }

  std::uint64_t seed_;
  SpaceSaving<Key> running_{TopCounts::keys};
  std::array<PastSlice<Key>, TopCounts::slices> past_;
  Past together_;
};

}  // namespace

std::string_view to_string(TopBy by) {
  return top_by_names[static_cast<std::size_t>(by)];
}

std::optional<TopBy> parse_top_by(std::string_view name) {
  const auto* const found = std::ranges::find(top_by_names, name);
  if (found == top_by_names.end()) return std::nullopt;
  return static_cast<TopBy>(found - top_by_names.begin());
}

struct TopCounts::State {
  // What a decision adds to the clients' counts.
  struct Pending {
    Prefix client;
    Instant at;
    std::uint16_t rule;  // 0: it was not refused
    bool new_session;
    bool refused;
    bool by_ban;
  };

  State(const Options& with, Instant now)
      : options(with),
        began(now),
        slice_ends(now + slice),
        rejected(with.seed),
        banned(with.seed),
        network(with.seed),
        rate(with.seed),
        bad_recipients(with.seed),
        login(with.seed) {
    pending.reserve(most_pending);
  }

  template <class Each>
  void for_each(Each each) {
    each(rejected);
    each(banned);
    each(network);
    each(rate);
    each(bad_recipients);
    each(login);
  }

  // Moves on to the slice that `now` is in.
  void turn_to(Instant now) {
    if (now < slice_ends) return;
    count_pending();
    for_each([&](auto& category) { category.turn(number); });
    number = (now - began) / slice;
    slice_ends = began + (number + 1) * slice;
  }

  Prefix client(const Address& address) const {
    return {address, address.is_ipv4() ? options.ipv4_prefix : options.ipv6_prefix};
  }

  // Few, and of few it is mostly the same. 0: more than anybody has configured.
  std::uint16_t number_of_rule(std::string_view name) {
    const auto known = std::ranges::find(rules, name);
    if (known == rules.end()) {
      if (rules.size() == most_rules) return 0;
      rules.emplace_back(name);
      return static_cast<std::uint16_t>(rules.size());
    }
    return static_cast<std::uint16_t>(known - rules.begin() + 1);
  }

  // Of the running slice.
  void add(const Pending& decided) {
    if (pending.size() == most_pending) count_pending();
    pending.push_back(decided);
  }

  void count_pending() {
    for (const auto& decided : pending) {
      if (decided.new_session) rate.count(decided.client, decided.rule, decided.at);
      if (decided.refused) count_refusal(decided);
    }
    pending.clear();
  }

  void count_refusal(const Pending& decided) {
    const auto& client = decided.client;
    const auto widest = client.address().is_ipv4() ? ipv4_network : ipv6_network;
    rejected.count(client, decided.rule, decided.at);
    network.count({client.address(), std::min(client.length(), widest)}, decided.rule, decided.at);
    if (decided.by_ban) banned.count(client, decided.rule, decided.at);
    rate.refused(client, decided.rule);
  }

  Options options;
  Instant began;
  Instant slice_ends;       // the running one
  std::int64_t number = 0;  // its own
  std::vector<std::string> rules;
  // Counted together, while the summaries are in the processor's cache; in a decision's own way each count would fetch
  // its lines of them from memory.
  std::vector<Pending> pending;
  Category<Prefix> rejected;
  Category<Prefix> banned;
  Category<Prefix> network;
  Category<Prefix> rate;
  Category<Prefix> bad_recipients;
  Category<Login> login;
};

TopCounts::TopCounts(const Options& options, Instant now) : state_(std::make_unique<State>(options, now)) {}
TopCounts::~TopCounts() = default;

void TopCounts::set_prefixes(int ipv4_prefix, int ipv6_prefix) {
  state_->options.ipv4_prefix = ipv4_prefix;
  state_->options.ipv6_prefix = ipv6_prefix;
}

void TopCounts::count(const Request& request, const View& view, const Decision& decision, Instant now) {
  const auto* verdict = decision.verdict && decision.verdict->refuses ? &*decision.verdict : nullptr;
  if (verdict != nullptr && verdict->rule == "store") verdict = nullptr;
  const bool names_recipient = view.new_recipient && request.logged_in();
  if (verdict == nullptr && !view.new_session && !names_recipient) return;
  auto& state = *state_;
  state.turn_to(now);
  const auto rule = verdict == nullptr ? std::uint16_t{0} : state.number_of_rule(verdict->rule);
  if (names_recipient) state.login.count(Login(request[Attribute::sasl_username]), rule, now);
  if (!view.client || (!view.new_session && verdict == nullptr)) return;
  state.add({.client = state.client(*view.client),
             .at = now,
             .rule = rule,
             .new_session = view.new_session,
             .refused = verdict != nullptr,
             .by_ban = verdict != nullptr && (verdict->rule == "ban" || verdict->rule == "operator_ban")});
}

void TopCounts::guessed(const Address& client, Instant now) {
  state_->turn_to(now);
  state_->bad_recipients.count(state_->client(client), 0, now);
}

TopList TopCounts::list(TopBy by, Duration since, std::size_t most, Instant now, WallTime wall_now) {
  auto& state = *state_;
  state.turn_to(now);
  state.count_pending();
  const auto from = std::max<std::int64_t>(state.number - (since + slice - Duration(1)) / slice, 0);
  const auto name_of_rule = [&](std::uint16_t rule) { return rule == 0 ? std::string() : state.rules[rule - 1U]; };
  const auto list_of = [&](auto& category) {
    return category.list(from, state.number, most, name_of_rule, now, wall_now);
  };
  auto list = [&] {
    switch (by) {
      case TopBy::rejected:
        return list_of(state.rejected);
      case TopBy::rate:
        return list_of(state.rate);
      case TopBy::login:
        return list_of(state.login);
      case TopBy::banned:
        return list_of(state.banned);
      case TopBy::bad_recipients:
        return list_of(state.bad_recipients);
      case TopBy::network:
        break;
    }
    return list_of(state.network);
  }();
  list.covers = std::chrono::floor<std::chrono::milliseconds>(now - (state.began + from * slice));
  return list;
}

}  // namespace mxwarden::policy
