#include "store/record_book.hpp"

#include <algorithm>
#include <boost/multi_index/key.hpp>
#include <boost/multi_index/ordered_index.hpp>
#include <boost/multi_index_container.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <list>
#include <map>
#include <utility>

#include "store/prefix_hash.hpp"

namespace mxwarden::store {
namespace {

namespace index = boost::multi_index;

constexpr std::size_t most_ended_a_tick = 1000;

const Prefix& net_of(const RecordBook::Entry& entry) {
  return entry->net;
}

WallTime end_of(const RecordBook::Entry& entry) {
  return entry->until;
}

struct NetHash {
  using is_transparent = void;
  std::size_t operator()(const Prefix& net) const { return PrefixHash()(net); }
  std::size_t operator()(const RecordBook::Entry& entry) const { return PrefixHash()(entry->net); }
};

struct SameNet {
  using is_transparent = void;
  bool operator()(const RecordBook::Entry& one, const RecordBook::Entry& other) const { return one->net == other->net; }
  bool operator()(const Prefix& net, const RecordBook::Entry& entry) const { return net == entry->net; }
  bool operator()(const RecordBook::Entry& entry, const Prefix& net) const { return net == entry->net; }
};

using Nets = PrefixTables<boost::unordered_flat_set<RecordBook::Entry, NetHash, SameNet>>;

struct ByOrder {};
struct ByEnd {};

using Shelf =
    boost::multi_index_container<RecordBook::Entry,
                                 index::indexed_by<index::ordered_unique<index::tag<ByOrder>, index::key<&net_of>>,
                                                   index::ordered_non_unique<index::tag<ByEnd>, index::key<&end_of>>>>;

// The records of one kind, and how many of each length of prefix there are: the longest first.
struct Kind {
  // Null: there is none.
  RecordBook::Entry find(const Prefix& net) const {
    const auto& table = nets.of(net);
    const auto found = table.find(net);
    return found != table.end() ? *found : nullptr;
  }

  Shelf shelf;
  Nets nets;  // what is on the shelf
  std::map<std::pair<Address::Family, int>, std::size_t, std::greater<>> lengths;
};

std::pair<Address::Family, int> length_of(const Prefix& net) {
  return {net.address().family(), net.length()};
}

struct Following {
  RecordBook::Follower tell;
  bool ended = false;
};

}  // namespace

struct RecordBook::State {
  Kind& kind(RecordKind which) { return kinds[static_cast<std::size_t>(which)]; }
  const Kind& kind(RecordKind which) const { return kinds[static_cast<std::size_t>(which)]; }

  void tell(RecordKind which, const Prefix& net, const Entry& entry) {
    telling = true;
    for (const auto& following : followings) {
      if (!following.ended) following.tell(which, net, entry);
    }
    telling = false;
    followings.remove_if([](const Following& following) { return following.ended; });
  }

  // One that ends while followers are told, perhaps by itself, leaves when they all have been.
  void end(Following& following) {
    following.ended = true;
    if (!telling) followings.remove_if([&](const Following& other) { return &other == &following; });
  }

  void insert(const Entry& entry) {
    auto& [shelf, nets, lengths] = kind(entry->kind());
    const auto [at, fresh] = shelf.get<ByOrder>().insert(entry);
    if (fresh) {
      ++lengths[length_of(entry->net)];
    } else {
      nets.of(entry->net).erase(*at);
      shelf.get<ByOrder>().replace(at, entry);
    }
    nets.of(entry->net).insert(entry);
    tell(entry->kind(), entry->net, entry);
  }

  bool remove(RecordKind which, Prefix net) {
    auto& [shelf, nets, lengths] = kind(which);
    if (shelf.get<ByOrder>().erase(net) == 0) return false;
    nets.of(net).erase(net);
    const auto length = lengths.find(length_of(net));
    if (--length->second == 0) lengths.erase(length);
    tell(which, net, nullptr);
    return true;
  }

  std::array<Kind, record_kinds> kinds;
  std::list<Following> followings;
  bool telling = false;
  Duration wall_ahead{};  // of the steady time
};

RecordBook::RecordBook(Instant now, WallTime wall_now) : state_(std::make_unique<State>()) {
  state_->wall_ahead = wall_now.time_since_epoch() - now.time_since_epoch();
}

RecordBook::~RecordBook() = default;

void RecordBook::put(Record record, Instant now) {
  put(std::make_shared<const Record>(std::move(record)), now);
}

void RecordBook::put(const Entry& entry, Instant now) {
  if (entry->until <= wall(now)) {
    state_->remove(entry->kind(), entry->net);
  } else {
    state_->insert(entry);
  }
}

bool RecordBook::erase(RecordKind kind, const Prefix& net) {
  return state_->remove(kind, net);
}

void RecordBook::tick(Instant now, WallTime wall_now) {
  state_->wall_ahead = wall_now.time_since_epoch() - now.time_since_epoch();
  std::size_t ended = 0;
  for (std::size_t at = 0; at < record_kinds; ++at) {
    auto& by_end = state_->kinds[at].shelf.get<ByEnd>();
    while (!by_end.empty() && (*by_end.begin())->until <= wall_now && ended < most_ended_a_tick) {
      state_->remove(static_cast<RecordKind>(at), (*by_end.begin())->net);
      ++ended;
    }
  }
}

RecordBook::Entry RecordBook::find(RecordKind kind, const Address& address, Instant now,
                                   bool (*wanted)(const Record&)) const {
  const auto& records = state_->kind(kind);
  if (records.lengths.empty()) return nullptr;
  const auto wall_now = wall(now);
  for (const auto& [length, number] : records.lengths) {
    if (length.first != address.family()) continue;
    auto found = records.find(Prefix(address, length.second));
    if (found != nullptr && found->until > wall_now && wanted(*found)) return found;
  }
  return nullptr;
}

RecordBook::Entry RecordBook::find_net(RecordKind kind, const Prefix& net, Instant now) const {
  auto found = state_->kind(kind).find(net);
  return found != nullptr && found->until > wall(now) ? found : nullptr;
}

std::vector<RecordBook::Entry> RecordBook::list(RecordKind kind, const Prefix* after, std::size_t most,
                                                Instant now) const {
  const auto& by_order = state_->kind(kind).shelf.get<ByOrder>();
  std::vector<Entry> page;
  auto next = after == nullptr ? by_order.begin() : by_order.upper_bound(*after);
  for (const auto wall_now = wall(now); next != by_order.end() && page.size() < most; ++next) {
    if ((*next)->until > wall_now) page.push_back(*next);
  }
  return page;
}

std::size_t RecordBook::size(RecordKind kind) const {
  return state_->kind(kind).shelf.size();
}

WallTime RecordBook::wall(Instant now) const {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(now.time_since_epoch() + state_->wall_ahead));
}

std::shared_ptr<void> RecordBook::follow(Follower follower) {
  auto& following = state_->followings.emplace_back(Following{.tell = std::move(follower)});
  return {nullptr, [state = state_.get(), &following](void*) { state->end(following); }};
}

}  // namespace mxwarden::store
