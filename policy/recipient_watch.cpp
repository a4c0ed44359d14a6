#include "policy/recipient_watch.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <utility>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "policy/identity.hpp"

namespace mxwarden::policy {
namespace {

constexpr Instant never = Instant::min();
constexpr Duration longest_wait = std::chrono::hours(1);
constexpr std::size_t misses_before_warning = 100;

struct Hash {
  using is_avalanching = void;
  std::size_t operator()(std::uint64_t name) const { return name; }
};

// What is remembered of the names that came last: at least `most`, at most twice as many.
template <typename Value>
class Remembered {
 public:
  explicit Remembered(std::size_t most) : most_(most) {}

  const Value* find(std::uint64_t name) const {
    if (const auto found = recent_.find(name); found != recent_.end()) return &found->second;
    const auto found = former_.find(name);
    return found == former_.end() ? nullptr : &found->second;
  }
  Value* find(std::uint64_t name) { return const_cast<Value*>(std::as_const(*this).find(name)); }

  // As new: it came just now.
  Value& put(std::uint64_t name) {
    if (const auto found = recent_.find(name); found != recent_.end()) return found->second;
    if (recent_.size() >= most_) former_ = std::exchange(recent_, {});
    const auto* known = std::as_const(*this).find(name);
    return recent_.emplace(name, known == nullptr ? Value() : *known).first->second;
  }

  bool empty() const { return recent_.empty() && former_.empty(); }

  void clear() {
    recent_.clear();
    former_.clear();
  }

 private:
  using Map = boost::unordered_flat_map<std::uint64_t, Value, Hash>;

  std::size_t most_;
  Map recent_;
  Map former_;
};

struct KnownRecipient {
  Instant accepted = never;
  Instant missed = never;     // for the first time since then
  bool without_post = false;  // it was accepted, and none had come
};

struct Domain {
  Instant accepted = never;  // one of it, lately
  Instant doubtful_until = never;
};

struct Suspected {
  Instant at{};
  Address client;
  std::string client_name;  // empty: not known
  std::string recipient;
  std::uint64_t name = 0;  // of the recipient
  std::uint64_t domain = 0;
  std::uint64_t message = 0;
};

// Where no name is verified.
std::string_view name_of(const Request& request) {
  const auto name = request[Attribute::client_name];
  return name == "unknown" ? std::string_view() : name;
}

bool is_stranger(const Question& question) {
  return !question.client.empty() && !question.is_ours() && !question.exempt();
}

void mark_suspected(View& view) {
  view.suspected = true;
  if (view.missed_in == view.message) ++view.message_suspected;
}

}  // namespace

struct RecipientWatch::State {
  State(const Options& with, Say by, Take to) : options(with), say(std::move(by)), take(std::move(to)) {}

  // What a missed recipient shows.
  enum class Shows : std::uint8_t { nothing, doubt, suspicion };

  struct Names {
    std::uint64_t recipient = 0;
    std::uint64_t domain = 0;
  };

  std::uint64_t hash(std::string_view text) const {
    return XXH3_64bits_withSeed(text.data(), text.size(), options.seed);
  }

  Names names_of(std::string_view recipient) const {
    scratch.clear();
    append_canonical_address(scratch, recipient, LocalPart::lower_case);
    Names names;
    names.recipient = hash(scratch);
    scratch.clear();
    append_domain_of(scratch, recipient);
    names.domain = hash(scratch);
    return names;
  }

  Shows shows(const Names& names, Instant now) const {
    const auto* domain = domains.find(names.domain);
    if (domain == nullptr) return Shows::nothing;
    const auto* known = recipients.find(names.recipient);
    if (known != nullptr && now - known->accepted < settings.forget) {
      if (known->without_post) return Shows::nothing;
      const bool is_gone = known->missed != never && domain->accepted > known->missed;
      return is_gone ? Shows::nothing : Shows::doubt;
    }
    return now < domain->doubtful_until ? Shows::nothing : Shows::suspicion;
  }

  void accepted(std::string_view recipient, Instant now) {
    const auto names = names_of(recipient);
    recipients.put(names.recipient) = {.accepted = now};
    domains.put(names.domain).accepted = now;
  }

  void missed(const Question& question, View& view, Instant now) {
    const auto names = names_of(view.missed);
    switch (shows(names, now)) {
      case Shows::nothing:
        return warn_without_post(names);
      case Shows::doubt:
        return accepted_are_missed(names, view.missed, now);
      case Shows::suspicion:
        if (is_stranger(question)) suspect(question, view, names, now);
    }
  }

  void suspect(const Question& question, View& view, const Names& names, Instant now) {
    mark_suspected(view);
    if (!tells || suspected.size() >= options.max_suspected) return;
    suspected.push_back({.at = now,
                         .client = *view.client,
                         .client_name = std::string(name_of(*question.request)),
                         .recipient = view.missed,
                         .name = names.recipient,
                         .domain = names.domain,
                         .message = view.missed_in});
  }

  void accepted_are_missed(const Names& names, const std::string& recipient, Instant now) {
    auto* known = recipients.find(names.recipient);
    if (known->missed == never) known->missed = now;
    doubt(names.domain, now,
          fmt::format("{} was accepted before and is not now; either it is gone, or", quoted(recipient)));
  }

  // Each time, those of a domain are forgotten.
  void look_for_missed_that_came_back(Instant now) {
    const auto came_back = [&](const Suspected& one) {
      const auto* known = recipients.find(one.name);
      return known != nullptr && known->accepted > one.at;
    };
    while (true) {
      const auto one = std::find_if(suspected.begin(), suspected.end(), came_back);
      if (one == suspected.end()) return;
      const auto why =
          fmt::format("{} was not accepted before and is now; either it is new, or", quoted(one->recipient));
      doubt(one->domain, now, why);
    }
  }

  void doubt(std::uint64_t where, Instant now, const std::string& why) {
    std::erase_if(suspected, [&](const Suspected& one) { return one.domain == where; });
    auto* domain = domains.find(where);
    if (domain == nullptr) return;
    const bool is_new = now >= domain->doubtful_until;
    const auto lasts = 2 * settings.confirm;
    domain->doubtful_until = now + lasts;
    doubtful_until = std::max(doubtful_until, domain->doubtful_until);
    if (!is_new) return;
    say(log::Level::warn,
        fmt::format(
            "bad_recipient: {} a recipient table of Postfix is or was down, or in main.cf something stands between "
            "policy_context=pre and policy_context=post besides reject_unlisted_recipient: for {} nothing "
            "counts as unknown there",
            why, mxwarden::to_string(lasts)));
  }

  // What is between the two has permitted some of them, and nobody knows which.
  void deny(const Question& question, const View& view, Instant now) {
    const auto permit = [&](std::string_view recipient) {
      recipients.put(names_of(recipient).recipient) = {.accepted = now, .without_post = true};
    };
    if (!view.missed.empty()) permit(view.missed);
    std::erase_if(suspected, [&](const Suspected& one) {
      if (one.message != view.message) return false;
      permit(one.recipient);
      return true;
    });
    denied_until.put(hash(question.client)) = now + 2 * settings.confirm;
  }

  bool is_denied(const Question& question, const View& view, Instant now) const {
    if (view.denies_missed) return true;
    if (denied_until.empty()) return false;
    const auto* until = denied_until.find(hash(question.client));
    return until != nullptr && now < *until;
  }

  bool is_in_doubt(const Question& question, const View& view, Instant now) const {
    return now < doubtful_until || is_denied(question, view, now);
  }

  // Without a `post' nothing is known at all.
  void warn_without_post(const Names& names) {
    if (has_seen_post || domains.find(names.domain) != nullptr || ++misses_without_post != misses_before_warning)
      return;
    say(log::Level::warn,
        fmt::format("bad_recipient: Postfix has asked about {} recipients with policy_context=pre and about none with "
                    "policy_context=post, so that nobody can be seen to guess: in main.cf put `check_policy_service "
                    "{{ ..., policy_context=post }}' right behind reject_unlisted_recipient, and `pre' right before it",
                    misses_without_post));
  }

  EventBatch confirmed(Instant now, WallTime wall_now) {
    EventBatch batch{.source = options.source, .seq = 0, .events = {}, .told_by = conf::BadRecipientSource::questions};
    std::erase_if(suspected, [&](const Suspected& one) {
      if (now - one.at < settings.confirm) return false;
      const auto* domain = domains.find(one.domain);
      if (domain == nullptr || domain->accepted <= one.at) return now - one.at > longest_wait;
      batch.events.push_back(event_of(one, now, wall_now));
      return true;
    });
    // It grows across restarts, too, as records remember it.
    const auto since_1970 = std::chrono::floor<std::chrono::milliseconds>(wall_now).time_since_epoch().count();
    position = std::max(position, static_cast<std::uint64_t>(std::max<std::int64_t>(since_1970, 0)));
    for (auto& event : batch.events) event.position = ++position;
    batch.seq = position;
    return batch;
  }

  static MailEvent event_of(const Suspected& one, Instant now, WallTime wall_now) {
    MailEvent event;
    event.kind = EventKind::recipient_unknown;
    event.time = wall_now - std::chrono::duration_cast<WallTime::duration>(now - one.at);
    event.client = one.client;
    event.client_name = one.client_name;
    event.recipient = one.recipient;
    return event;
  }

  Options options;
  Say say;
  Take take;
  conf::Settings::BadRecipient settings;
  bool watches = false;
  bool tells = false;  // of what is confirmed
  Remembered<KnownRecipient> recipients{options.max_recipients};
  Remembered<Domain> domains{options.max_domains};
  Remembered<Instant> denied_until{options.max_domains};  // clients
  Instant doubtful_until = never;                         // the longest of all domains
  std::deque<Suspected> suspected;                        // in the order of their time
  bool has_seen_post = false;
  std::size_t misses_without_post = 0;
  std::uint64_t position = 0;
  bool hands_over = false;      // what was confirmed is under way
  mutable std::string scratch;  // kept for its memory
};

RecipientWatch::RecipientWatch(const Options& options, Say say, Take take)
    : state_(std::make_unique<State>(options, std::move(say), std::move(take))) {}

RecipientWatch::~RecipientWatch() = default;

void RecipientWatch::configure(const conf::Settings& settings) {
  auto& state = *state_;
  const auto& guesses = settings.bad_recipient;
  state.settings = guesses;
  state.tells = guesses.mode != conf::Mode::off && guesses.source == conf::BadRecipientSource::questions;
  state.watches = state.tells || settings.bad_recipient_throttle.mode != conf::Mode::off;
  if (!state.tells) state.suspected.clear();
  if (state.watches) return;
  state.recipients.clear();
  state.domains.clear();
  state.denied_until.clear();
}

void RecipientWatch::see(const Question& question, View& view, Instant now) {
  auto& state = *state_;
  if (!state.watches) return;
  if (!view.missed.empty() && !view.denies_missed) state.missed(question, view, now);
  if (view.found) {
    state.has_seen_post = true;
    state.accepted((*question.request)[Attribute::recipient], now);
  }
  if (view.denies_missed) state.deny(question, view, now);
  view.in_doubt = state.is_in_doubt(question, view, now);
}

void RecipientWatch::preview(const Question& question, View& view, Instant now) const {
  const auto& state = *state_;
  if (!state.watches) return;
  view.in_doubt = state.is_in_doubt(question, view, now);
  if (view.missed.empty() || view.denies_missed) return;
  const auto shows = state.shows(state.names_of(view.missed), now);
  if (shows == State::Shows::suspicion && is_stranger(question)) mark_suspected(view);
  view.in_doubt = view.in_doubt || shows == State::Shows::doubt;
}

void RecipientWatch::tick(Instant now, WallTime wall_now) {
  auto& state = *state_;
  if (state.hands_over || state.suspected.empty()) return;
  state.look_for_missed_that_came_back(now);
  auto batch = state.confirmed(now, wall_now);
  if (batch.events.empty()) return;
  state.hands_over = true;
  // What could not be kept is not told again: who goes on guessing is found again.
  state.take(std::move(batch), now, [&state](const Result<void>&) { state.hands_over = false; });
}

}  // namespace mxwarden::policy
