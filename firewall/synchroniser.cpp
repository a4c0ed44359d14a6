#include "firewall/synchroniser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <utility>

#include "firewall/contents.hpp"
#include "firewall/halving.hpp"
#include "firewall/waiting.hpp"

namespace mxwarden::firewall {
namespace {

using Kind = Outcome::Kind;
using Way = Waiting::Way;

// Of more bans only so many are put in as the table is made: the kernel lets nobody else use the processor meanwhile.
constexpr std::size_t first_of_many = 10'000;
constexpr std::size_t few_changes = 250;
constexpr std::size_t most_left_out = 10'000;  // that are known by name
constexpr std::uint64_t most_named = 3;        // of the refused elements of a transaction
constexpr Duration soon = std::chrono::seconds(1);
constexpr int most_give_way = 10;  // for one, before the kernel is left to sweep out what is over
constexpr std::array hash_sets{Set::ban4, Set::ban6};
constexpr std::array interval_sets{Set::net4, Set::net6};

bool is_ipv4(Set set) {
  return set == Set::ban4 || set == Set::net4;
}

std::size_t index(Set set) {
  return static_cast<std::size_t>(set);
}

// What the table in the kernel is.
enum class Table : std::uint8_t {
  unknown,  // the kernel was not asked, or has not said
  adopted,  // from an earlier life of ours
  ours,
};

struct Rebuild {
  std::string why;
  log::Level level = log::Level::info;
  bool counts = true;          // it makes good what was lost
  bool opens_nothing = false;  // as what is there drops nobody
};

std::string addresses(const Element& element) {
  if (element.first == element.last) return element.first.to_string();
  return fmt::format("{}-{}", element.first.to_string(), element.last.to_string());
}

bool might_take_less(const Outcome& outcome) {
  return outcome.kind == Kind::refused || outcome.kind == Kind::too_long || outcome.kind == Kind::full;
}

// Packets, which the kernel counts from nought with each rebuild.
class Dropped {
 public:
  void seen(std::uint64_t since_rebuild) {
    if (since_rebuild < now_) rebuilt();
    now_ = since_rebuild;
  }
  void rebuilt() { before_ += std::exchange(now_, 0); }
  std::uint64_t all() const { return before_ + now_; }

 private:
  std::uint64_t before_ = 0;
  std::uint64_t now_ = 0;
};

}  // namespace

struct Synchroniser::State {
  State(Kernel& with, const Layout& like, const conf::Settings& by, std::vector<Address> our, Log to, Instant at)
      : kernel(with),
        layout(like),
        settings(by),
        own(std::move(our)),
        log(std::move(to)),
        now(at),
        bans(options_of(settings), LastGuard(settings, own), [this](const Prefix& net) { changed(net); }),
        next_check(at),
        last_commit(at - batch_interval) {}

  void changed(const Prefix& net);
  void client_changed(const Prefix& net);
  void tell_again_what_was_left_out(const Prefix& net);

  void check();
  void rebuild_for(Rebuild why);
  void rebuild();
  void keep_behind(std::vector<Change>& elements);
  void put_in_some_behind();
  Outcome rebuild_in_parts(std::vector<Change> elements, Outcome outcome);
  Outcome put_in(std::span<const Change> rest);
  void rebuilt();
  void commit();
  bool commit_nets(Set set);
  Outcome commit_ranges(std::span<const Change> changes);
  bool commit_clients(Set set, Way way);
  std::vector<Change> some_changes(Set set, Way way);
  void clients_are_done(std::span<const Change> changes);
  void client_is_not_taken(const Change& change, const Outcome& outcome);
  Outcome make_room_for(const Change& change);
  void leave_out(const Change& change, const Outcome& outcome);
  void say_what_was_left_out();
  bool went_well(const Outcome& outcome);

  void in_trouble(std::string_view why);
  void is_well();
  void has_lag(std::optional<Instant> made);
  bool has_work() const;
  Instant commit_at() const;
  Instant wakes_at() const;
  Prefix client_of(const Element& element) const;
  std::size_t ranges_in_force(Set set) const;

  Kernel& kernel;
  Layout layout;
  conf::Settings settings;
  std::vector<Address> own;
  Log log;
  Instant now;  // of the call that is under way
  BanList bans;

  Table table = Table::unknown;
  std::optional<Rebuild> wanted;  // is to be, when rebuild_at has come
  Instant rebuild_at{};
  Instant next_check;
  Instant last_commit;
  std::optional<Instant> urgent;  // since when something waits that is not to wait
  bool denied = false;
  bool in_a_hurry = true;       // the last transactions went well
  bool is_listening = true;     // to what changes in the list
  std::optional<Instant> made;  // the ban that is being told

  Waiting waiting;
  std::vector<Prefix> behind;  // clients that are not in the table that was made anew; the last ends last
  bool nets_changed = false;
  std::optional<Instant> nets_made;  // the first of those that wait
  // By Set: what the kernel has, what it has refused and what is over included.
  std::array<std::vector<Range>, all_sets.size()> ranges;
  boost::unordered_flat_set<Prefix, PrefixHash> left_out;

  std::uint64_t rebuilds = 0;
  std::uint64_t refused_batches = 0;
  std::uint64_t refused_elements = 0;
  std::uint64_t refused_elements_said = 0;
  std::string refused_because;  // some of the last ones
  Dropped dropped;
  std::array<std::size_t, all_sets.size()> adopted{};  // elements, by Set
  std::optional<Duration> lag;
  std::optional<Instant> checked;
  std::string trouble;
};

// What changes.

void Synchroniser::State::changed(const Prefix& net) {
  if (!is_listening) return;
  if (bans.is_client(net)) return client_changed(net);
  nets_changed = true;
  if (made && (!nets_made || *made < *nets_made)) nets_made = made;
}

void Synchroniser::State::client_changed(const Prefix& net) {
  if (waiting.size() < most_waiting) {
    left_out.erase(net);
    waiting.put(net, bans.until(net, now) ? Way::comes : Way::goes, made);
  } else if (bans.has_snapshot() && !wanted) {
    rebuild_for({.why = "there is too much that has changed", .counts = false});
  }
}

void Synchroniser::State::tell_again_what_was_left_out(const Prefix& net) {
  if (left_out.erase(net) != 0) changed(net);
}

// The table as a whole.

void Synchroniser::State::check() {
  next_check = now + check_interval;
  const auto health = kernel.check();
  if (!health.asked) return in_trouble(health.why);
  denied = health.foreign;
  if (denied) return in_trouble(health.why);
  dropped.seen(health.dropped);
  if (!health.whole) {
    // What mxwardend has not told yet stands nowhere else.
    if (table != Table::ours && health.drops && !bans.has_snapshot()) {
      table = Table::adopted;
      return in_trouble(health.why + "; it stays until mxwardend has told all bans");
    }
    const bool is_first = table == Table::unknown;
    return rebuild_for({.why = health.why,
                        .level = is_first ? log::Level::info : log::Level::warn,
                        .counts = !is_first,
                        .opens_nothing = !health.drops});
  }
  checked = now;
  boost::unordered::erase_if(left_out, [&](const Prefix& net) { return !bans.until(net, now); });
  if (table == Table::unknown) {
    table = Table::adopted;
    log(log::Level::info,
        fmt::format("table inet {} is there: its bans stay until mxwardend has told all of its own", layout.table));
  }
  if (table == Table::adopted) {
    for (const auto set : all_sets) adopted[index(set)] = health.elements[index(set)].value_or(1) - 1;
  }
  if (!wanted && !has_work()) is_well();
}

void Synchroniser::State::rebuild_for(Rebuild why) {
  if (!wanted || !wanted->counts) wanted = std::move(why);
  rebuild_at = now;
}

void Synchroniser::State::rebuild() {
  rebuild_at = next_check;
  left_out.clear();
  auto elements = contents(bans, layout, now);
  keep_behind(elements);
  auto outcome = kernel.rebuild(layout, elements);
  if (might_take_less(outcome)) outcome = rebuild_in_parts(std::move(elements), std::move(outcome));
  if (outcome.ok()) return rebuilt();
  if (outcome.kind == Kind::denied) denied = true;
  if (outcome.kind == Kind::unknown) rebuild_at = next_check = now + soon;
  in_trouble(outcome.why);
}

// What ends last is put in with the table, and then what is behind, from its end on.
void Synchroniser::State::keep_behind(std::vector<Change>& elements) {
  behind.clear();
  if (elements.size() <= most_in_one_step || !wanted->opens_nothing) return;
  const auto is_range = [](const Change& change) { return !is_hash(change.element.set); };
  const auto clients = std::partition(elements.begin(), elements.end(), is_range);
  std::sort(clients, elements.end(),
            [](const Change& one, const Change& other) { return one.timeout < other.timeout; });
  const auto count = static_cast<std::size_t>(elements.end() - clients);
  const auto first = elements.end() - static_cast<std::ptrdiff_t>(std::min(count, first_of_many));
  for (auto change = clients; change != first; ++change) behind.push_back(client_of(change->element));
  elements.erase(clients, first);
}

// What ends last first: if there is no room for all, that is what stays.
Outcome Synchroniser::State::rebuild_in_parts(std::vector<Change> elements, Outcome outcome) {
  std::ranges::sort(elements, std::ranges::greater(), &Change::timeout);
  const std::span<const Change> all = elements;
  auto size = all.size();
  while (size > 0 && might_take_less(outcome)) {
    refused_batches += outcome.kind == Kind::refused ? 1 : 0;
    size /= 2;
    outcome = kernel.rebuild(layout, all.first(size));
  }
  return outcome.ok() ? put_in(all.subspan(size)) : outcome;
}

// Once there is no room in a set, there is none for those that end sooner.
Outcome Synchroniser::State::put_in(std::span<const Change> rest) {
  std::array<bool, all_sets.size()> is_full{};
  const auto alone = [&](const Change& change, const Outcome& outcome) {
    const auto set = change.element.set;
    is_full[index(set)] = is_full[index(set)] || outcome.kind == Kind::full;
    if (outcome.kind == Kind::full && is_hash(set)) {
      bans.give_way(client_of(change.element));
    } else {
      leave_out(change, outcome);
    }
  };
  const Halving halving{
      .done = [](std::span<const Change>) {}, .refused = [this] { ++refused_batches; }, .alone = alone};
  const Outcome no_room{Kind::full, "there is no room"};
  std::vector<Change> batch;
  while (!rest.empty()) {
    batch.clear();
    for (const auto& change : rest.first(std::min(rest.size(), most_changes))) {
      if (is_full[index(change.element.set)]) {
        alone(change, no_room);
      } else {
        batch.push_back(change);
      }
    }
    rest = rest.subspan(std::min(rest.size(), most_changes));
    auto outcome = commit_by_halves(kernel, batch, halving);
    if (!outcome.ok()) return outcome;
  }
  return {};
}

void Synchroniser::State::rebuilt() {
  const auto counts = bans.counts();
  log(wanted->level, fmt::format("table inet {} is made anew, with {} bans: {}", layout.table,
                                 counts.ipv4_clients + counts.ipv6_clients + counts.nets, wanted->why));
  rebuilds += wanted->counts ? 1 : 0;
  wanted.reset();
  table = Table::ours;
  dropped.rebuilt();
  has_lag(waiting.first_made());
  has_lag(nets_made);
  waiting.clear();
  nets_changed = false;
  nets_made.reset();
  urgent.reset();
  for (const auto set : interval_sets) ranges[index(set)] = ranges_of(bans, set, now);
  last_commit = now;
  say_what_was_left_out();
  is_well();
}

// Changes.

// What goes before what comes, so that there is never more than there is to be.
void Synchroniser::State::commit() {
  put_in_some_behind();
  last_commit = now;
  urgent.reset();
  const bool went = commit_clients(Set::ban4, Way::goes) && commit_clients(Set::ban6, Way::goes) &&
                    commit_nets(Set::net4) && commit_nets(Set::net6) && commit_clients(Set::ban4, Way::comes) &&
                    commit_clients(Set::ban6, Way::comes);
  say_what_was_left_out();
  in_a_hurry = went;
  if (!went) return;
  if (table == Table::ours && std::exchange(nets_changed, false)) has_lag(std::exchange(nets_made, std::nullopt));
  is_well();
}

// As soon as nothing else waits.
void Synchroniser::State::put_in_some_behind() {
  while (!behind.empty() && waiting.size() < few_changes) {
    if (bans.until(behind.back(), now)) waiting.put(behind.back(), Way::comes, std::nullopt);
    behind.pop_back();
  }
}

// True: it is as it should be. Else some may be done, and some not: what the kernel has of them is not known.
bool Synchroniser::State::commit_nets(Set set) {
  if (!nets_changed || table != Table::ours) return true;
  auto to = ranges_of(bans, set, now);
  const auto outcome = commit_ranges(changes_of(set, ranges[index(set)], to, now));
  if (outcome.ok()) {
    ranges[index(set)] = std::move(to);
    return true;
  }
  refused_batches += outcome.kind == Kind::refused ? 1 : 0;
  rebuild_for(
      {.why = fmt::format("changes of {} were not taken: {}", to_string(set), outcome.why), .level = log::Level::warn});
  return went_well(outcome);
}

// A range that stays although it was to go would be in the way of others: what goes is not left out.
Outcome Synchroniser::State::commit_ranges(std::span<const Change> changes) {
  const bool any_goes = !changes.empty() && !changes.front().timeout;
  const Halving halving{.done = [](std::span<const Change>) {},
                        .refused = [this] { ++refused_batches; },
                        .alone = [this](const Change& change, const Outcome& outcome) { leave_out(change, outcome); }};
  Outcome outcome;
  while (outcome.ok() && !changes.empty()) {
    const auto batch = changes.first(std::min(changes.size(), most_changes));
    changes = changes.subspan(batch.size());
    outcome = any_goes ? kernel.commit(batch) : commit_by_halves(kernel, batch, halving);
  }
  return outcome;
}

bool Synchroniser::State::commit_clients(Set set, Way way) {
  const auto changes = some_changes(set, way);
  const Halving halving{
      .done = [this](std::span<const Change> done) { clients_are_done(done); },
      .refused = [this] { ++refused_batches; },
      .alone = [this](const Change& change, const Outcome& outcome) { client_is_not_taken(change, outcome); }};
  return went_well(commit_by_halves(kernel, changes, halving));
}

// One that has ended while it waited goes, too: the kernel may have it with a later end.
std::vector<Change> Synchroniser::State::some_changes(Set set, Way way) {
  std::vector<Change> changes;
  for (const auto& net : waiting.some(way, is_ipv4(set), most_changes)) {
    const auto until = bans.until(net, now);
    changes.push_back({element_of(net, layout), until ? std::optional(*until - now) : std::nullopt});
  }
  return changes;
}

// What has given way meanwhile is still to go.
void Synchroniser::State::clients_are_done(std::span<const Change> changes) {
  for (const auto& change : changes) {
    const auto net = client_of(change.element);
    if (change.timeout && !bans.until(net, now)) continue;
    has_lag(waiting.made(net));
    waiting.erase(net);
  }
}

void Synchroniser::State::client_is_not_taken(const Change& change, const Outcome& outcome) {
  const auto net = client_of(change.element);
  if (change.timeout && !bans.until(net, now)) return;  // it has given way meanwhile
  const auto last = outcome.kind == Kind::full && change.timeout ? make_room_for(change) : outcome;
  if (last.ok()) return;
  leave_out(change, last);
  waiting.erase(net);
}

// What ends soonest may be that one itself, or not be in the kernel, and so make no room.
Outcome Synchroniser::State::make_room_for(const Change& change) {
  const auto net = client_of(change.element);
  Outcome outcome{Kind::full, {}};
  for (int tries = 0; tries < most_give_way && outcome.kind == Kind::full; ++tries) {
    const auto giver = bans.give_way(net.address().is_ipv4());
    if (!giver) return outcome;
    if (*giver == net) {
      waiting.erase(net);
      return {};
    }
    const std::array both{Change{element_of(*giver, layout), std::nullopt}, change};
    outcome = kernel.commit(both);
    if (outcome.ok()) clients_are_done(both);
  }
  return outcome;
}

void Synchroniser::State::leave_out(const Change& change, const Outcome& outcome) {
  ++refused_elements;
  if (is_hash(change.element.set) && left_out.size() < most_left_out) left_out.insert(client_of(change.element));
  if (refused_elements - refused_elements_said > most_named) return;
  refused_because += fmt::format(" {}: {};", addresses(change.element), outcome.why);
}

void Synchroniser::State::say_what_was_left_out() {
  const auto count = refused_elements - std::exchange(refused_elements_said, refused_elements);
  const auto why = std::exchange(refused_because, {});
  if (count == 0) return;
  log(log::Level::warn,
      fmt::format("the kernel has refused {} elements, which are left out:{}{}", count,
                  std::string_view(why).substr(0, why.size() - 1), count > most_named ? "; ..." : ""));
}

bool Synchroniser::State::went_well(const Outcome& outcome) {
  if (outcome.ok()) return true;
  if (outcome.kind == Kind::missing) {
    rebuild_for({.why = outcome.why, .level = log::Level::warn});
  }
  if (outcome.kind == Kind::unknown) check();
  if (outcome.kind == Kind::denied) denied = true;
  if (wanted && !denied) {
    rebuild();
  } else {
    in_trouble(outcome.why);
  }
  return false;
}

// How it is.

void Synchroniser::State::in_trouble(std::string_view why) {
  if (trouble == why) return;
  trouble = why;
  log(log::Level::warn, fmt::format("table inet {}: {}", layout.table, why));
}

void Synchroniser::State::is_well() {
  if (std::exchange(trouble, {}).empty()) return;
  log(log::Level::info, fmt::format("table inet {} matches the bans again", layout.table));
}

void Synchroniser::State::has_lag(std::optional<Instant> since) {
  if (since) lag = std::max(lag.value_or(Duration{}), now - *since);
}

bool Synchroniser::State::has_work() const {
  if (table == Table::unknown) return false;
  return waiting.size() > 0 || !behind.empty() || (nets_changed && table == Table::ours);
}

Instant Synchroniser::State::commit_at() const {
  if (urgent) return *urgent;
  if (!behind.empty() && in_a_hurry) return last_commit;
  for (const auto way : {Way::goes, Way::comes}) {
    for (const auto set : hash_sets) {
      if (waiting.size(way, is_ipv4(set)) >= most_changes) return last_commit;
    }
  }
  return last_commit + batch_interval;
}

Instant Synchroniser::State::wakes_at() const {
  if (denied) return next_check;
  if (wanted) return std::min(next_check, rebuild_at);
  return has_work() ? std::min(next_check, commit_at()) : next_check;
}

Prefix Synchroniser::State::client_of(const Element& element) const {
  return {element.first, element.set == Set::ban4 ? layout.ipv4_prefix : layout.ipv6_prefix};
}

std::size_t Synchroniser::State::ranges_in_force(Set set) const {
  const auto in_force = [&](const Range& range) { return range.until > now; };
  return static_cast<std::size_t>(std::ranges::count_if(ranges[index(set)], in_force));
}

Synchroniser::Synchroniser(Kernel& kernel, const Layout& layout, const conf::Settings& settings,
                           std::vector<Address> own, Log log, Instant now)
    : state_(std::make_unique<State>(kernel, layout, settings, std::move(own), std::move(log), now)) {}

Synchroniser::~Synchroniser() = default;

void Synchroniser::start(Instant now) {
  wake(now);
}

void Synchroniser::take(const Told& told, Instant now) {
  auto& state = *state_;
  state.now = now;
  if (const auto* begins = std::get_if<told::SnapshotBegins>(&told)) {
    state.bans.snapshot_begins(begins->epoch);
  } else if (const auto* listed = std::get_if<told::InSnapshot>(&told)) {
    state.is_listening = state.bans.has_snapshot();
    state.bans.in_snapshot(listed->ban, now);
    state.tell_again_what_was_left_out(listed->ban.net);
    state.is_listening = true;
  } else if (std::holds_alternative<told::SnapshotEnds>(told)) {
    const bool had_one = state.bans.has_snapshot();
    if (!state.bans.snapshot_ends(now)) {
      state.log(
          log::Level::warn,
          "mxwardend has told a list that is older than the last one, as if its clock had been set back: it takes "
          "no ban away; a restart of mxwarden-firewall takes the list as it is");
    } else if (!had_one) {
      state.rebuild_for(
          {.why = "mxwardend has told all bans", .counts = false, .opens_nothing = state.table == Table::ours});
    }
  } else if (const auto* added = std::get_if<told::Added>(&told)) {
    const auto& ban = added->ban;
    if (state.bans.has_snapshot()) state.made = now - (ban.length.value_or(ban.left) - ban.left);
    state.bans.added(ban, now);
    state.tell_again_what_was_left_out(ban.net);
    state.made.reset();
  } else if (const auto* removed = std::get_if<told::Removed>(&told)) {
    state.bans.removed(removed->net);
    // It may be in the table that was adopted.
    if (!state.bans.has_snapshot()) state.changed(removed->net);
  }
}

void Synchroniser::stream_ended() {
  state_->bans.stream_ended();
}

void Synchroniser::own_addresses_are(std::vector<Address> own, Instant now) {
  auto& state = *state_;
  state.now = now;
  state.own = std::move(own);
  state.bans.guard_changed(LastGuard(state.settings, state.own), now);
  if (state.has_work()) state.urgent = now;
}

void Synchroniser::configure(const Layout& layout, const conf::Settings& settings, Instant now) {
  auto& state = *state_;
  state.now = now;
  state.settings = settings;
  const auto before = std::exchange(state.layout, layout);
  if (before.ipv4_prefix != layout.ipv4_prefix || before.ipv6_prefix != layout.ipv6_prefix) {
    // They are no clients any more.
    state.waiting.clear();
    state.left_out.clear();
  }
  state.bans.configure(options_of(settings), LastGuard(settings, state.own), now);
  if (before != layout && state.bans.has_snapshot()) {
    state.rebuild_for({.why = "it is to look otherwise", .counts = false});
  } else if (state.has_work()) {
    state.urgent = now;
  }
}

void Synchroniser::was_suspended(Instant now) {
  auto& state = *state_;
  state.now = now;
  if (state.bans.has_snapshot()) state.rebuild_for({.why = "the machine was suspended"});
}

Instant Synchroniser::wakes_at() const {
  return state_->wakes_at();
}

void Synchroniser::wake(Instant now) {
  auto& state = *state_;
  state.now = now;
  state.bans.tick(now);
  if (now >= state.next_check) state.check();
  if (state.denied) return;
  if (state.wanted) {
    if (now >= state.rebuild_at) state.rebuild();
  } else if (state.has_work() && now >= state.commit_at()) {
    state.commit();
  }
}

Synchroniser::Figures Synchroniser::figures() const {
  const auto& state = *state_;
  Figures figures;
  figures.bans = state.bans.counts();
  figures.elements = state.adopted;
  if (state.table == Table::ours) {
    figures.elements = {figures.bans.ipv4_clients, figures.bans.ipv6_clients, state.ranges_in_force(Set::net4),
                        state.ranges_in_force(Set::net6)};
  }
  for (const auto& net : state.behind) {
    auto& count = figures.elements[index(element_of(net, state.layout).set)];
    if (count > 0 && state.bans.until(net, state.now)) --count;
  }
  figures.waiting = state.waiting.size() + state.behind.size() + (state.nets_changed ? 1 : 0);
  figures.rebuilds = state.rebuilds;
  figures.refused_batches = state.refused_batches;
  figures.refused_elements = state.refused_elements;
  figures.dropped = state.dropped.all();
  figures.lag = state.lag;
  figures.checked = state.checked;
  figures.trouble = state.trouble;
  if (figures.trouble.empty() && !state.left_out.empty()) {
    figures.trouble = fmt::format("the kernel has refused {} bans", state.left_out.size());
  }
  return figures;
}

void Synchroniser::forget_lag() {
  state_->lag.reset();
}

}  // namespace mxwarden::firewall
