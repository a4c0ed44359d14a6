#include "store/embedded_store.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "store/distinct_table.hpp"
#include "store/flood_table.hpp"
#include "store/judgement.hpp"
#include "store/key.hpp"
#include "store/ring_body.hpp"

namespace mxwarden::store {
namespace {

using Rings = FloodTable<RingBody>;
static_assert(sizeof(Rings::Entry) == 112);

// A part of a count that has an entry of its own.
struct Part {
  std::size_t count = 0;  // in the batch
  Form form{};
  std::uint32_t first = 0;  // of its windows
  std::uint32_t size = 0;
  Key key;
  std::array<RingTime, narrow_windows> times;  // rings only
  Rings::Entry* entry = nullptr;               // rings only: what was found when it was judged
  std::uint64_t most = 0;                      // rings only: what its fullest window then holds, with the count's n
  std::uint64_t member = 0;                    // members only
};

// A count's parts, and whether its entity was asked already.
struct Place {
  std::uint32_t first_part = 0;
  std::uint32_t end_part = 0;
  bool asked = false;
};

// The requests of a turn have one instant, and rules few windows: what was worked out last for a length of them.
class RingTimes {
 public:
  const RingTime& at(Duration window, Instant now) {
    Known& known = known_[static_cast<std::size_t>(static_cast<std::uint64_t>(window.count()) * spread >> shift)];
    if (known.window != window || known.now != now) known = {window, now, RingTime(window, now)};
    return known.time;
  }

 private:
  struct Known {
    Duration window{};
    Instant now{};
    RingTime time;
  };

  static constexpr std::uint64_t spread = 0x9e3779b97f4a7c15U;
  static constexpr int shift = 60;
  std::array<Known, std::size_t{1} << (64 - shift)> known_{};
};

// A batch of the running turn.
struct Pending {
  const Batch* batch;
  std::size_t first_place;
  Completion completion;
};

std::span<const Window> windows_of(const Count& count, const Part& part) {
  return std::span<const Window>(count.windows.data(), count.windows.size()).subspan(part.first, part.size);
}

bool narrow(const Window& window) {
  return window.limit != Window::no_limit && window.limit <= narrow_limit_most;
}

// The part of the count's windows that begins at `first`, without its key.
Part part_from(const Count& count, std::uint32_t first) {
  Part part;
  part.first = first;
  if (!count.member.empty()) {
    part.form = Form::members;
    part.size = static_cast<std::uint32_t>(count.windows.size());
  } else if (!narrow(count.windows[first])) {
    part.form = Form::wide_ring;
    part.size = 1;
  } else {
    part.form = Form::narrow_rings;
    while (first + part.size < count.windows.size() && part.size < narrow_windows &&
           narrow(count.windows[first + part.size])) {
      ++part.size;
    }
  }
  return part;
}

std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

// What the window holds with n more.
template <class Slice>
std::uint64_t judge_ring(const Ring<Slice>& ring, const RingTime& time, std::uint64_t n, std::uint64_t limit,
                         Judgement& judgement) {
  const std::uint64_t count = saturating_sum(ring.total(time), n);
  if (limit == Window::no_limit || count <= limit) {
    judgement.admitted(count, limit);
  } else {
    judgement.over(count, limit, ring.retry_after(n, limit, time));
  }
  return count;
}

void judge_rings(Part& part, const Count& count, Judgement& judgement) {
  static const RingBody nothing{};
  const RingBody& body = part.entry != nullptr ? part.entry->body : nothing;
  for (std::uint32_t i = 0; i < part.size; ++i) {
    const std::uint64_t limit = count.windows[part.first + i].limit;
    const auto judge = [&](const auto& ring) { return judge_ring(ring, part.times[i], count.n, limit, judgement); };
    part.most = std::max(part.most, part.form == Form::wide_ring ? judge(body.wide) : judge(body.narrow[i]));
  }
}

// One window of a distinct count, of which these members are known in the order of their instants.
void judge_members(std::span<const Member> all, std::uint64_t member, const Window& window, std::uint64_t n,
                   Instant now, Judgement& judgement) {
  const auto first =
      std::partition_point(all.begin(), all.end(), [&](const Member& m) { return m.seen <= now - window.length; });
  const std::span<const Member> within(first, all.end());
  const bool known =
      n > 0 && std::any_of(within.begin(), within.end(), [&](const Member& m) { return m.hash == member; });
  const std::uint64_t count = within.size() + (n > 0 && !known ? 1 : 0);
  const std::uint64_t limit = std::min(window.limit, distinct_most);
  if (limit == Window::no_limit || known || count <= limit) return judgement.admitted(count, window.limit);
  const Instant room_at = within[count - limit - 1].seen + window.length;
  judgement.over(count, window.limit, room_at - now);
}

Duration longest(std::span<const Window> windows) {
  Duration most{};
  for (const Window& window : windows) most = std::max(most, window.length);
  return most;
}

}  // namespace

struct EmbeddedStore::State {
  explicit State(const Options& options)
      : seed(options.seed), rings(options.max_entries, options.seed), distinct(options.max_entries, ~options.seed) {}

  void locate(const Batch& batch, std::size_t index);
  void prefetch_entries();
  void answer(Pending& pending);
  void ask(const Pending& pending);
  void ask_entity(const Pending& pending, std::size_t first);
  void judge(const Batch& batch, std::size_t index, const Place& place);
  void record(const Batch& batch, Part& part);
  void record_rings(const Count& count, Part& part, Instant now);

  std::uint64_t seed;
  Rings rings;
  DistinctTable distinct;
  RingTimes times;

  // Of the running turn; kept for their memory.
  std::vector<Pending> pending;
  std::vector<Place> places;  // one for each count of all batches
  std::vector<Part> parts;    // of all counts, in their order
  std::size_t prefetched = 0;
  bool flushing = false;
  std::vector<CountAnswer> answers;  // of one batch
};

// Where the count is remembered. Done for all batches of a turn before anything is looked at: the memory of a million
// entries is cold, and many waits for it cost little more than one.
void EmbeddedStore::State::locate(const Batch& batch, std::size_t index) {
  const Count& count = batch.counts[index];
  Place& place = places.emplace_back();
  place.first_part = static_cast<std::uint32_t>(parts.size());
  // There is no other node: nothing is to be remembered of a gauge, and it has no part.
  const std::uint32_t end = count.gauge ? 0 : static_cast<std::uint32_t>(count.windows.size());
  for (std::uint32_t first = 0, number = 0; first < end; ++number) {
    Part& part = parts.emplace_back(part_from(count, first));
    part.count = index;
    part.key = memory_key(seed, count, part.form, number, windows_of(count, part));
    if (part.form != Form::members) rings.prefetch(part.key);
    first += part.size;
  }
  place.end_part = static_cast<std::uint32_t>(parts.size());
}

void EmbeddedStore::State::prefetch_entries() {
  for (; prefetched < parts.size(); ++prefetched) {
    if (parts[prefetched].form != Form::members) rings.prefetch_entry(parts[prefetched].key);
  }
}

void EmbeddedStore::State::answer(Pending& asked) {
  // Out of reach of what the completion asks.
  const auto completion = std::move(asked.completion);
  answers.assign(asked.batch->counts.size(), {});
  try {
    ask(asked);
  } catch (const std::bad_alloc&) {
    answers.assign(asked.batch->counts.size(), {});
  }
  completion(answers);
}

void EmbeddedStore::State::ask(const Pending& asked) {
  for (std::size_t i = 0; i < asked.batch->counts.size(); ++i) {
    if (!places[asked.first_place + i].asked) ask_entity(asked, i);
  }
}

// All counts of the entity of the batch's count `first`: first all are judged, then those that may be are recorded.
void EmbeddedStore::State::ask_entity(const Pending& asked, std::size_t first) {
  const Batch& batch = *asked.batch;
  const std::span<Place> of_batch = std::span(places).subspan(asked.first_place, batch.counts.size());
  const auto& entity = batch.counts[first].entity;
  const auto is_of_entity = [&](std::size_t i) { return i == first || batch.counts[i].entity == entity; };
  Gate gate;
  for (std::size_t i = first; i < of_batch.size(); ++i) {
    if (of_batch[i].asked || !is_of_entity(i)) continue;
    judge(batch, i, of_batch[i]);
    gate.judged(batch.counts[i], answers[i]);
  }
  for (std::size_t i = first; i < of_batch.size(); ++i) {
    if (of_batch[i].asked || !is_of_entity(i)) continue;
    of_batch[i].asked = true;
    answers[i].recorded = gate.records(batch.counts[i], answers[i]);
    if (!answers[i].recorded || batch.look) continue;
    for (auto part = of_batch[i].first_part; part < of_batch[i].end_part; ++part) record(batch, parts[part]);
  }
}

void EmbeddedStore::State::judge(const Batch& batch, std::size_t index, const Place& place) {
  const Count& count = batch.counts[index];
  if (count.gauge) {
    answers[index] = gauge_answer(count, count.n);
    return;
  }
  Judgement judgement;
  for (auto at = place.first_part; at < place.end_part; ++at) {
    Part& part = parts[at];
    const std::span<const Window> windows = windows_of(count, part);
    if (part.form == Form::members) {
      part.member = member_hash(seed, count.member);
      const std::span<const Member> known = distinct.find(part.key, batch.now);
      for (const Window& window : windows) judge_members(known, part.member, window, count.n, batch.now, judgement);
    } else {
      part.entry = rings.find(part.key, batch.now);
      for (std::size_t i = 0; i < windows.size(); ++i) part.times[i] = times.at(windows[i].length, batch.now);
      judge_rings(part, count, judgement);
    }
  }
  answers[index] = judgement.answer();
}

void EmbeddedStore::State::record(const Batch& batch, Part& part) {
  const Count& count = batch.counts[part.count];
  if (part.form == Form::members) {
    distinct.record(part.key, part.member, longest(windows_of(count, part)), batch.now);
  } else {
    record_rings(count, part, batch.now);
  }
}

void EmbeddedStore::State::record_rings(const Count& count, Part& part, Instant now) {
  // What was found may have given way to another part's entry since.
  if (part.entry == nullptr || !part.entry->is(part.key)) {
    const Rings::Inserted inserted = rings.insert(part.key, now);
    if (inserted.entry == nullptr) return;
    part.entry = inserted.entry;
    for (std::uint32_t i = 0; inserted.fresh && i < part.size; ++i) {
      if (part.form == Form::wide_ring) part.entry->body.wide.start(part.times[i]);
      if (part.form == Form::narrow_rings) part.entry->body.narrow[i].start(part.times[i]);
    }
  }
  RingBody& body = part.entry->body;
  Instant end = now;
  const auto add = [&](auto& ring, const RingTime& time) {
    ring.add(count.n, time);
    end = std::max(end, time.forgotten_at());
  };
  for (std::uint32_t i = 0; i < part.size; ++i) {
    part.form == Form::wide_ring ? add(body.wide, part.times[i]) : add(body.narrow[i], part.times[i]);
  }
  body.weigh(part.most);
  rings.keep_until(*part.entry, end);
}

EmbeddedStore::EmbeddedStore(const Options& options) : state_(std::make_unique<State>(options)) {}
EmbeddedStore::~EmbeddedStore() = default;

void EmbeddedStore::execute(const Batch& batch, Instant /*deadline*/, Completion completion) {
  State& state = *state_;
  const auto first_place = state.places.size();
  for (std::size_t i = 0; i < batch.counts.size(); ++i) state.locate(batch, i);
  state.pending.push_back({&batch, first_place, std::move(completion)});
}

void EmbeddedStore::flush() {
  State& state = *state_;
  if (state.flushing) return;
  state.flushing = true;
  for (std::size_t at = 0; at < state.pending.size(); ++at) {
    state.prefetch_entries();
    state.answer(state.pending[at]);
  }
  state.pending.clear();
  state.places.clear();
  state.parts.clear();
  state.prefetched = 0;
  state.flushing = false;
}

void EmbeddedStore::tick(Instant now) {
  state_->rings.sweep(now);
  state_->distinct.sweep(now);
}

EmbeddedStore::Statistics EmbeddedStore::statistics() const {
  const State& state = *state_;
  return {.entries = state.rings.size() + state.distinct.sets(),
          .evicted = state.rings.evicted() + state.distinct.evicted(),
          .turned_away = state.rings.turned_away() + state.distinct.turned_away()};
}

}  // namespace mxwarden::store
