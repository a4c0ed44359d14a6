#include "firewall/synchroniser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "firewall/contents.hpp"
#include "firewall/halving.hpp"
#include "firewall/refusals.hpp"
#include "firewall/waiting.hpp"

namespace mxwarden::firewall {
namespace {

using Kind = Outcome::Kind;
using Way = Waiting::Way;

// Of more bans only so many are put in as the table is made: the kernel lets nobody else use the processor meanwhile.
constexpr std::size_t first_of_many = 10'000;
// In a transaction, while much is to be put in: who answers Postfix waits for one at the most.
constexpr std::size_t few_changes = 60;
constexpr Duration soon = std::chrono::seconds(1);
constexpr int most_give_way = 10;  // for one, before the kernel is left to sweep out what is over
constexpr std::array hash_sets{Set::ban4, Set::ban6};
constexpr std::array interval_sets{Set::net4, Set::net6};

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
  void spare_whom_the_guard_names();

  void check();
  void rebuild_for(Rebuild why);
  void rebuild();
  void defer_some(std::vector<Change>& elements);
  void put_in_some_deferred();
  void is_not_taken_anew(const Change& change, const Outcome& outcome);
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
  std::vector<Prefix> deferred;  // clients that are to follow the table that was made anew; the last ends last
  bool nets_changed = false;
  std::optional<Instant> nets_made;  // the first of those that wait
  // By Set: what the kernel has, what it has refused and what is over included.
  std::array<std::vector<Range>, all_sets.size()> ranges;
  Refusals refusals;

  std::uint64_t rebuilds = 0;
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
    refusals.forget(net);
    waiting.put(net, bans.until(net, now) ? Way::comes : Way::goes, made);
  } else if (bans.has_snapshot() && !wanted) {
    rebuild_for({.why = "there is too much that has changed", .counts = false});
  }
}

void Synchroniser::State::tell_again_what_was_left_out(const Prefix& net) {
  if (refusals.forget(net)) changed(net);
}

// In a table of an earlier life, which may have known another guard. Which nets lie in there is not known.
void Synchroniser::State::spare_whom_the_guard_names() {
  if (table != Table::adopted) return;
  for (const auto& client : LastGuard(settings, own).clients(layout.ipv4_prefix, layout.ipv6_prefix)) {
    // The rest of the room is for what mxwardend tells.
    if (waiting.size() >= most_waiting / 2) return;
    waiting.put(client, Way::goes, std::nullopt);
  }
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
  refusals.forget_if([&](const Prefix& net) { return !bans.until(net, now); });
  if (table == Table::unknown) {
    table = Table::adopted;
    spare_whom_the_guard_names();
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
  refusals.forget_all();
  auto elements = contents(bans, layout, now);
  defer_some(elements);
  const auto outcome = rebuild_by_halves(
      kernel, layout, std::move(elements),
      {.done = [](std::span<const Change>) {},
       .refused = [this](const Outcome& refused) { refusals.of_transaction(refused); },
       .alone = [this](const Change& change, const Outcome& refused) { is_not_taken_anew(change, refused); }});
  if (outcome.ok()) return rebuilt();
  if (outcome.kind == Kind::denied) denied = true;
  if (outcome.kind == Kind::unknown) rebuild_at = next_check = now + soon;
  in_trouble(outcome.why);
}

// What ends last is put in with the table, and what was deferred afterwards, from its end on.
void Synchroniser::State::defer_some(std::vector<Change>& elements) {
  deferred.clear();
  if (elements.size() <= most_in_one_step || !wanted->opens_nothing) return;
  const auto is_range = [](const Change& change) { return !is_hash(change.element.set); };
  const auto clients = std::partition(elements.begin(), elements.end(), is_range);
  std::sort(clients, elements.end(),
            [](const Change& one, const Change& other) { return one.timeout < other.timeout; });
  const auto count = static_cast<std::size_t>(elements.end() - clients);
  const auto first = elements.end() - static_cast<std::ptrdiff_t>(std::min(count, first_of_many));
  for (auto change = clients; change != first; ++change) deferred.push_back(client_of(change->element));
  elements.erase(clients, first);
}

void Synchroniser::State::is_not_taken_anew(const Change& change, const Outcome& outcome) {
  if (outcome.kind == Kind::full && is_hash(change.element.set)) {
    bans.give_way(client_of(change.element));
  } else {
    leave_out(change, outcome);
  }
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
  put_in_some_deferred();
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
void Synchroniser::State::put_in_some_deferred() {
  while (!deferred.empty() && waiting.size() < few_changes) {
    if (bans.until(deferred.back(), now)) waiting.put(deferred.back(), Way::comes, std::nullopt);
    deferred.pop_back();
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
  refusals.of_transaction(outcome);
  rebuild_for(
      {.why = fmt::format("changes of {} were not taken: {}", to_string(set), outcome.why), .level = log::Level::warn});
  return went_well(outcome);
}

// What takes the place of others goes in one step with these, however much it is, so that nobody is let in between. A
// range that stays although it was to go would be in the way of others: what goes is not left out.
Outcome Synchroniser::State::commit_ranges(std::span<const Change> changes) {
  const bool any_goes = !changes.empty() && !changes.front().timeout;
  if (any_goes) return kernel.commit(changes);
  const Halving halving{.done = [](std::span<const Change>) {},
                        .refused = [this](const Outcome& refused) { refusals.of_transaction(refused); },
                        .alone = [this](const Change& change, const Outcome& refused) { leave_out(change, refused); }};
  Outcome outcome;
  while (outcome.ok() && !changes.empty()) {
    const auto batch = changes.first(std::min(changes.size(), most_changes));
    changes = changes.subspan(batch.size());
    outcome = commit_by_halves(kernel, batch, halving);
  }
  return outcome;
}

bool Synchroniser::State::commit_clients(Set set, Way way) {
  const auto changes = some_changes(set, way);
  const Halving halving{
      .done = [this](std::span<const Change> done) { clients_are_done(done); },
      .refused = [this](const Outcome& refused) { refusals.of_transaction(refused); },
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
  refusals.of_element(change.element, outcome);
  if (is_hash(change.element.set)) refusals.leave_out(client_of(change.element));
}

void Synchroniser::State::say_what_was_left_out() {
  if (const auto news = refusals.news(); !news.empty()) log(log::Level::warn, news);
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
  return waiting.size() > 0 || !deferred.empty() || (nets_changed && table == Table::ours);
}

Instant Synchroniser::State::commit_at() const {
  if (urgent) return *urgent;
  if (!deferred.empty() && in_a_hurry) return last_commit;
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
  state.spare_whom_the_guard_names();
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
    state.refusals.forget_all();
  }
  state.bans.configure(options_of(settings), LastGuard(settings, state.own), now);
  state.spare_whom_the_guard_names();
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
  for (const auto& net : state.deferred) {
    auto& count = figures.elements[index(element_of(net, state.layout).set)];
    if (count > 0 && state.bans.until(net, state.now)) --count;
  }
  figures.waiting = state.waiting.size() + state.deferred.size() + (state.nets_changed ? 1 : 0);
  figures.rebuilds = state.rebuilds;
  figures.refused_batches = state.refusals.transactions();
  figures.refused_elements = state.refusals.elements();
  figures.dropped = state.dropped.all();
  figures.lag = state.lag;
  figures.checked = state.checked;
  figures.trouble = state.trouble;
  if (figures.trouble.empty() && state.refusals.left_out() > 0) {
    figures.trouble = fmt::format("the kernel has refused {} bans", state.refusals.left_out());
  }
  return figures;
}

void Synchroniser::forget_lag() {
  state_->lag.reset();
}

}  // namespace mxwarden::firewall
