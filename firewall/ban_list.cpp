#include "firewall/ban_list.hpp"

#include <algorithm>
#include <array>

#include "firewall/ban_table.hpp"

namespace mxwarden::firewall {
namespace {

using Slot = BanTable::Slot;

// Of one table at a tick: each costs as much as a hundred in a walk over all of them.
constexpr int most_ended_one_by_one = 1'000;

bool same(Instant one, Instant other) {
  return std::chrono::abs(one - other) <= BanList::same_end;
}

}  // namespace

struct BanList::State {
  State(const Options& with, LastGuard by, Changed tell)
      : options(with), guard(std::move(by)), changed(std::move(tell)) {}

  bool is_client(const Prefix& net) const {
    return net.length() == (net.address().is_ipv4() ? options.ipv4_prefix : options.ipv6_prefix);
  }

  // Where it stands if it is let pass.
  BanTable& table_of(const Prefix& net) {
    if (!is_client(net)) return nets;
    return net.address().is_ipv4() ? ipv4_clients : ipv6_clients;
  }
  bool is_in_force(const BanTable& table) const { return &table != &guarded; }
  std::size_t in_force() const { return ipv4_clients.size() + ipv6_clients.size() + nets.size(); }

  void tell(const Ban& ban, Instant now, bool is_listed);
  void renew(BanTable& table, Slot slot, Instant until, bool is_listed);
  void insert(const Prefix& net, Instant until, std::optional<Instant> mark, Instant now);
  BanTable* soonest_in_force();
  BanTable* who_gives_way_to(const BanTable& table);
  bool make_room_in(const BanTable& table, Instant until, Instant now);
  void drop_soonest(BanTable& table);
  void erase(BanTable& table, Slot slot);
  void tick(BanTable& table, Instant now);
  void apply_snapshot(BanTable& table, Instant now);
  void move(BanTable& from, Slot slot, Instant now);
  void ask_guard_about_all(Instant now);
  void abandon_snapshot();

  Options options;
  LastGuard guard;
  Changed changed;
  BanTable ipv4_clients;
  BanTable ipv6_clients;
  BanTable nets;
  BanTable guarded;
  std::array<BanTable*, 3> all_in_force{&ipv4_clients, &ipv6_clients, &nets};
  std::array<BanTable*, 4> all{&ipv4_clients, &ipv6_clients, &nets, &guarded};
  std::uint64_t too_short = 0;
  std::uint64_t gave_way = 0;
  std::optional<std::int64_t> beginning;  // the epoch of the snapshot that is under way
  bool has_snapshot = false;
  std::int64_t epoch = 0;
};

void BanList::State::tell(const Ban& ban, Instant now, bool is_listed) {
  if (ban.length.value_or(ban.left) < options.min_ban) {
    ++too_short;
    return;
  }
  const auto until = now + ban.left;
  auto& table = table_of(ban.net);
  if (const auto slot = table.find(ban.net)) return renew(table, *slot, until, is_listed);
  if (const auto slot = guarded.find(ban.net)) return renew(guarded, *slot, until, is_listed);
  insert(ban.net, until, until, now);
}

void BanList::State::renew(BanTable& table, Slot slot, Instant until, bool is_listed) {
  const auto before = table.until(slot);
  const bool later = until > before && !same(until, before);
  const auto after = later ? until : before;
  const auto mark = table.mark(slot);
  if (is_listed) {
    table.set_mark(slot, same(until, after) ? after : until);
  } else {
    table.set_mark(slot, mark ? std::max(*mark, until) : after);
  }
  if (!later) return;
  table.set_until(slot, until);
  if (is_in_force(table)) changed(table.net(slot));
}

void BanList::State::insert(const Prefix& net, Instant until, std::optional<Instant> mark, Instant now) {
  auto& table = guard.why_not(net) ? guarded : table_of(net);
  if (!make_room_in(table, until, now)) {
    ++gave_way;
    return;
  }
  const auto slot = table.insert(net, until);
  if (mark) table.set_mark(slot, *mark);
  if (is_in_force(table)) changed(net);
}

BanTable* BanList::State::soonest_in_force() {
  BanTable* soonest = nullptr;
  for (auto* table : all_in_force) {
    if (table->size() == 0) continue;
    if (soonest == nullptr || table->until(table->soonest()) < soonest->until(soonest->soonest())) soonest = table;
  }
  return soonest;
}

// Where one has to go if one more is to come to `table`; null: nowhere.
BanTable* BanList::State::who_gives_way_to(const BanTable& table) {
  if (&table == &guarded) return guarded.size() < options.max_elements ? nullptr : &guarded;
  if (&table == &nets && nets.size() >= most_nets) return &nets;
  return in_force() < options.max_elements ? nullptr : soonest_in_force();
}

// False: it would end sooner than all that could give way.
bool BanList::State::make_room_in(const BanTable& table, Instant until, Instant now) {
  while (auto* giver = who_gives_way_to(table)) {
    const auto soonest = giver->until(giver->soonest());
    if (soonest > now && soonest >= until) return false;
    if (soonest <= now) {
      giver->erase(giver->soonest());
    } else {
      drop_soonest(*giver);
    }
  }
  return true;
}

void BanList::State::drop_soonest(BanTable& table) {
  ++gave_way;
  erase(table, table.soonest());
}

void BanList::State::erase(BanTable& table, Slot slot) {
  const auto net = table.net(slot);
  table.erase(slot);
  if (is_in_force(table)) changed(net);
}

void BanList::State::tick(BanTable& table, Instant now) {
  for (int ended = 0; ended < most_ended_one_by_one; ++ended) {
    if (table.size() == 0 || table.until(table.soonest()) > now) return;
    table.erase(table.soonest());
  }
  for (auto slot = static_cast<Slot>(table.size()); slot-- > 0;) {
    if (table.until(slot) <= now) table.erase(slot);
  }
}

void BanList::State::apply_snapshot(BanTable& table, Instant now) {
  for (auto slot = static_cast<Slot>(table.size()); slot-- > 0;) {
    const auto mark = table.mark(slot);
    if (table.until(slot) <= now) {
      table.erase(slot);
    } else if (!mark) {
      erase(table, slot);
    } else if (*mark != table.until(slot)) {
      table.set_until(slot, *mark);
      if (is_in_force(table)) changed(table.net(slot));
    }
  }
}

// To where it stands by now.
void BanList::State::move(BanTable& from, Slot slot, Instant now) {
  const auto net = from.net(slot);
  const auto until = from.until(slot);
  const auto mark = from.mark(slot);
  erase(from, slot);
  if (until > now) insert(net, until, mark, now);
}

void BanList::State::ask_guard_about_all(Instant now) {
  for (auto* table : all_in_force) {
    for (auto slot = static_cast<Slot>(table->size()); slot-- > 0;) {
      if (guard.why_not(table->net(slot))) move(*table, slot, now);
    }
  }
  for (auto slot = static_cast<Slot>(guarded.size()); slot-- > 0;) {
    if (!guard.why_not(guarded.net(slot))) move(guarded, slot, now);
  }
}

void BanList::State::abandon_snapshot() {
  beginning.reset();
  for (auto* table : all) table->end_marks();
}

BanList::BanList(const Options& options, LastGuard guard, Changed changed)
    : state_(std::make_unique<State>(options, std::move(guard), std::move(changed))) {}

BanList::~BanList() = default;

void BanList::added(const Ban& ban, Instant now) {
  state_->tell(ban, now, false);
}

void BanList::removed(const Prefix& net) {
  for (auto* table : state_->all) {
    if (const auto slot = table->find(net)) return state_->erase(*table, *slot);
  }
}

void BanList::snapshot_begins(std::int64_t epoch) {
  state_->beginning = epoch;
  for (auto* table : state_->all) table->begin_marks();
}

void BanList::in_snapshot(const Ban& ban, Instant now) {
  state_->tell(ban, now, true);
}

bool BanList::snapshot_ends(Instant now) {
  const auto epoch = state_->beginning;
  const bool counts = epoch && *epoch > state_->epoch;
  if (counts) {
    state_->has_snapshot = true;
    state_->epoch = *epoch;
    for (auto* table : state_->all) state_->apply_snapshot(*table, now);
  }
  state_->abandon_snapshot();
  return counts;
}

void BanList::stream_ended() {
  state_->abandon_snapshot();
}

void BanList::tick(Instant now) {
  for (auto* table : state_->all) state_->tick(*table, now);
}

void BanList::guard_changed(LastGuard guard, Instant now) {
  state_->guard = std::move(guard);
  state_->ask_guard_about_all(now);
}

void BanList::configure(const Options& options, LastGuard guard, Instant now) {
  tick(now);
  state_->options = options;
  while (state_->in_force() > options.max_elements) state_->drop_soonest(*state_->soonest_in_force());
  guard_changed(std::move(guard), now);
  for (auto* table : state_->all_in_force) {
    for (auto slot = static_cast<Slot>(table->size()); slot-- > 0;) {
      if (&state_->table_of(table->net(slot)) != table) state_->move(*table, slot, now);
    }
  }
}

std::optional<Prefix> BanList::give_way(bool ipv4) {
  auto& table = ipv4 ? state_->ipv4_clients : state_->ipv6_clients;
  if (table.size() == 0) return std::nullopt;
  const auto net = table.net(table.soonest());
  state_->drop_soonest(table);
  return net;
}

void BanList::give_way(const Prefix& net) {
  auto& table = state_->table_of(net);
  const auto slot = table.find(net);
  if (!slot) return;
  ++state_->gave_way;
  state_->erase(table, *slot);
}

std::optional<Instant> BanList::until(const Prefix& net, Instant now) const {
  const auto& table = state_->table_of(net);
  const auto slot = table.find(net);
  if (!slot || table.until(*slot) <= now) return std::nullopt;
  return table.until(*slot);
}

bool BanList::is_client(const Prefix& net) const {
  return state_->is_client(net);
}

void BanList::for_each_client(Instant now, const std::function<void(const Prefix& net, Instant until)>& look) const {
  for (const auto* table : {&state_->ipv4_clients, &state_->ipv6_clients}) {
    for (Slot slot = 0; slot < table->size(); ++slot) {
      if (table->until(slot) > now) look(table->net(slot), table->until(slot));
    }
  }
}

std::vector<std::pair<Prefix, Instant>> BanList::nets(Instant now, bool ipv4) const {
  std::vector<std::pair<Prefix, Instant>> all;
  const auto& table = state_->nets;
  for (Slot slot = 0; slot < table.size(); ++slot) {
    const auto net = table.net(slot);
    if (net.address().is_ipv4() == ipv4 && table.until(slot) > now) all.emplace_back(net, table.until(slot));
  }
  std::ranges::sort(all);
  return all;
}

bool BanList::has_snapshot() const {
  return state_->has_snapshot;
}

std::int64_t BanList::epoch() const {
  return state_->epoch;
}

BanList::Counts BanList::counts() const {
  return {.too_short = state_->too_short,
          .gave_way = state_->gave_way,
          .guarded = state_->guarded.size(),
          .ipv4_clients = state_->ipv4_clients.size(),
          .ipv6_clients = state_->ipv6_clients.size(),
          .nets = state_->nets.size()};
}

BanList::Options options_of(const conf::Settings& settings) {
  return {.min_ban = settings.firewall.min_ban,
          .max_elements = settings.firewall.max_elements,
          .ipv4_prefix = settings.client.ipv4_prefix,
          .ipv6_prefix = settings.client.ipv6_prefix};
}

}  // namespace mxwarden::firewall
