#include "policy/event_effects.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "policy/bad_recipient.hpp"
#include "policy/dnsbl_guard.hpp"
#include "policy/identity.hpp"
#include "policy/record_changes.hpp"

namespace mxwarden::policy {
namespace {

using conf::BadRecipientSource;
using std::chrono::milliseconds;
using store::RecordKind;

// Nobody waits for a count.
constexpr Duration patience = std::chrono::seconds(1);
// What is read later than this after it was written says nothing about how fast it came.
constexpr Duration lately = std::chrono::seconds(10);
constexpr std::size_t most_sources = 1'000;

bool grants(const MailEvent& event) {
  return event.kind == EventKind::login_succeeded && (event.service == "pop3" || event.service == "imap");
}

// Of each there may be thousands a minute from honest clients.
bool is_everyday(EventKind kind) {
  switch (kind) {
    case EventKind::login_succeeded:
    case EventKind::recipient_unknown:
    case EventKind::recipient_accepted:
    case EventKind::blocklist_reject:
    case EventKind::sender_forged:
    case EventKind::helo_forged:
    case EventKind::spam_trap:
    case EventKind::connect:
    case EventKind::disconnect:
      return true;
    default:
      return false;
  }
}

// `event name=relay_denied client=198.51.100.7 ...'
std::string line_of(const MailEvent& event) {
  auto line = fmt::format("event name={}", to_string(event.kind));
  if (event.client) append_logfmt(line, "client", event.client->to_string());
  const auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) append_logfmt(line, key, value);
  };
  add("client_name", event.client_name);
  add("service", event.service);
  add("login", event.login);
  add("sender", event.sender);
  add("recipient", event.recipient);
  add("helo", event.helo);
  add("reason", event.reason);
  return line;
}

// What is to be done for one batch: its parts end in any order, the last of them with the batch.
class BatchUnderWay {
 public:
  BatchUnderWay(EventBatch given, std::uint64_t hash, Instant began, WallTime began_at, EventEffects::Done whole)
      : batch(std::move(given)), source(hash), now(began), wall_now(began_at), done_(std::move(whole)) {}
  BatchUnderWay(const BatchUnderWay&) = delete;
  BatchUnderWay& operator=(const BatchUnderWay&) = delete;

  void begin() { ++parts_; }
  void end(const Result<void>& outcome) {
    if (!outcome && !error_) error_ = outcome.error();
    if (--parts_ > 0) return;
    done_(error_ ? Result<void>(*error_) : Result<void>());
  }

  // None is in the future, or before 1970; to the millisecond, as records keep it.
  WallTime time_of(const MailEvent& event) const {
    return std::chrono::floor<milliseconds>(std::clamp(event.time, WallTime(), std::max(WallTime(), wall_now)));
  }

  const EventBatch batch;
  const std::uint64_t source;
  const Instant now;
  const WallTime wall_now;
  std::uint64_t counted_before = 0;     // recipients up to this position were counted when they came first
  std::map<Prefix, Findings> findings;  // of each client, in the order of the events
  std::set<Address> guilty;             // of guessing

 private:
  EventEffects::Done done_;
  std::size_t parts_ = 0;
  std::optional<Error> error_;
};

using UnderWay = std::shared_ptr<BatchUnderWay>;

// Of the logins those that are not in the grant yet; nothing new: as it is, as whoever asks again does not know whether
// that was kept.
std::optional<store::Record> with_logins(const BatchUnderWay& batch, const std::vector<const MailEvent*>& logins,
                                         Duration ttl, const store::Record* before) {
  std::optional<store::Record> record;
  if (before != nullptr) record = *before;
  const auto known = before == nullptr ? 0 : store::position_in(*before, batch.source);
  for (const auto* event : logins) {
    if (event->position <= known) continue;
    const auto at = batch.time_of(*event);
    record = granted({*event->client, event->login, at, at + std::chrono::ceil<milliseconds>(ttl)},
                     record ? &*record : nullptr);
  }
  if (record) store::put_mark(*record, {batch.source, std::max(known, logins.back()->position)});
  return record;
}

}  // namespace

struct EventEffects::State {
  State(store::Store& to, store::Records& in, Offences& told, Offences::Say by, const Options& with)
      : store(to), records(in), offences(told), say(std::move(by)), options(with), lists(say, with.good_records) {}

  void run(const UnderWay& batch);
  void ended(const std::string& source, std::uint64_t seq, bool is_kept);
  void keep_again(const UnderWay& batch, RecordKind kind, const Address& client);
  void handle(const UnderWay& batch, const MailEvent& event);
  void grant(const UnderWay& batch, const std::vector<const MailEvent*>& logins);
  void find(const UnderWay& batch, const MailEvent& event);
  void add_finding(const UnderWay& batch, const MailEvent& event, Finding finding);
  void count_unknown(const UnderWay& batch, const MailEvent& event);
  void count_accepted(const UnderWay& batch, const MailEvent& event);
  void guilty(const UnderWay& batch, const MailEvent& event, const std::string& why);
  void hand_over_findings(const UnderWay& batch);
  static bool is_counted(const BatchUnderWay& batch, const MailEvent& event);
  Duration lately_by(const BatchUnderWay& batch) const;
  bool counts_recipients(const BatchUnderWay& batch, const MailEvent& event) const;
  bool is_trusted(const Address& client) const;
  std::string entity_of(const Address& client) const;
  std::optional<std::string> why_no_grant(const Address& client) const;

  store::Store& store;
  store::Records& records;
  Offences& offences;
  Offences::Say say;
  Options options;
  conf::Settings::RelayGrant relay_grant;
  conf::Settings::Listing listing;
  conf::Settings::BadRecipient bad_recipient;
  conf::Settings::Client client;
  DnsblGuard lists;
  bool questions_tell = false;  // of who guesses; so a log that tells of the same is not ranked
  std::map<std::string, std::uint64_t, std::less<>> done_up_to;  // of each source, the seq of its last batch
  std::set<std::string, std::less<>> under_way;                  // sources
  std::set<std::string, std::less<>> not_kept;                   // sources that hand over again what was not kept
  std::map<std::string, std::uint64_t, std::less<>> counted;     // of each source, up to where recipients are counted
};

EventEffects::EventEffects(store::Store& store, store::Records& records, Offences& offences, Offences::Say say)
    : EventEffects(store, records, offences, std::move(say), Options()) {}

EventEffects::EventEffects(store::Store& store, store::Records& records, Offences& offences, Offences::Say say,
                           const Options& options)
    : state_(std::make_unique<State>(store, records, offences, std::move(say), options)) {}

EventEffects::~EventEffects() = default;

void EventEffects::configure(const conf::Settings& settings) {
  state_->relay_grant = settings.relay_grant;
  state_->listing = settings.listing;
  state_->bad_recipient = settings.bad_recipient;
  state_->client = settings.client;
  state_->questions_tell = false;
  state_->lists.configure(settings.guard.dnsbl_share);
}

void EventEffects::take(EventBatch batch, Instant now, Done done) {
  auto& state = *state_;
  const auto last = state.done_up_to.find(batch.source);
  if (last != state.done_up_to.end() && batch.seq <= last->second) return done({});
  if (state.under_way.contains(batch.source)) {
    return done(Error{"what this source has handed over before is still under way; come again"});
  }
  for (auto& event : batch.events) {
    if (event.position == 0) event.position = batch.seq;
  }
  if (last != state.done_up_to.end()) {
    std::erase_if(batch.events, [&](const MailEvent& event) { return event.position <= last->second; });
  }
  const auto seq = batch.seq;
  auto whole = [&state, source = batch.source, seq, done = std::move(done)](const Result<void>& outcome) {
    state.ended(source, seq, outcome.has_value());
    done(outcome);
  };
  const auto hash = XXH3_64bits(batch.source.data(), batch.source.size());
  const auto wall_now = std::as_const(state.records).book().wall(now);
  const auto begun = std::make_shared<BatchUnderWay>(std::move(batch), hash, now, wall_now, std::move(whole));
  auto& counted = state.counted[begun->batch.source];
  begun->counted_before = counted;
  counted = std::max(counted, seq);
  state.under_way.insert(begun->batch.source);
  state.run(begun);
}

void EventEffects::State::run(const UnderWay& batch) {
  batch->begin();
  try {
    std::map<Address, std::vector<const MailEvent*>> logins;
    for (const auto& event : batch->batch.events) {
      if (grants(event) && event.client) logins[*event.client].push_back(&event);
      handle(batch, event);
    }
    for (const auto& [address, events] : logins) grant(batch, events);
    // What the store has to say of recipients brings further ones; these are handed over as they come.
    hand_over_findings(batch);
  } catch (const std::exception& exception) {
    return batch->end(Error{std::string("not all of it was taken: ") + exception.what()});
  }
  batch->end({});
}

void EventEffects::State::ended(const std::string& source, std::uint64_t seq, bool is_kept) {
  under_way.erase(source);
  if (!is_kept) {
    not_kept.insert(source);
    return;
  }
  not_kept.erase(source);
  if (done_up_to.size() >= most_sources && !done_up_to.contains(source)) {
    done_up_to.clear();
    counted.clear();
  }
  done_up_to[source] = seq;
}

void EventEffects::State::handle(const UnderWay& batch, const MailEvent& event) {
  if (options.happened && batch->batch.told_by == BadRecipientSource::log) options.happened(event.kind);
  if (event.client && event.kind == EventKind::connect) lists.came(entity_of(*event.client), batch->now);
  if (!is_everyday(event.kind)) say(log::Level::info, line_of(event));
  if (!event.client || is_trusted(*event.client)) return;
  switch (event.kind) {
    case EventKind::blocklist_reject:
    case EventKind::sender_forged:
    case EventKind::helo_forged:
    case EventKind::spam_trap:
      return find(batch, event);
    case EventKind::recipient_unknown:
      return count_unknown(batch, event);
    case EventKind::recipient_accepted:
      return count_accepted(batch, event);
    default:
      return;
  }
}

bool EventEffects::State::is_trusted(const Address& address) const {
  return std::ranges::any_of(client.trusted, [&](const Prefix& one) { return one.contains(address); });
}

std::string EventEffects::State::entity_of(const Address& address) const {
  std::string entity;
  append_client_entity(entity, address, client.ipv4_prefix, client.ipv6_prefix);
  return entity;
}

std::optional<std::string> EventEffects::State::why_no_grant(const Address& address) const {
  if (auto why = policy::why_no_grant(address, client.trusted)) return why;
  if (offences.is_own(address)) return fmt::format("{} is an address of this host", address.to_string());
  return std::nullopt;
}

void EventEffects::State::grant(const UnderWay& batch, const std::vector<const MailEvent*>& logins) {
  if (relay_grant.mode == conf::Mode::off) return;
  auto alive = logins;
  const auto ttl = relay_grant.ttl;
  std::erase_if(alive, [&](const MailEvent* event) { return batch->time_of(*event) + ttl <= batch->wall_now; });
  if (alive.empty()) return;
  const auto& first = *alive.front();
  const auto& address = *first.client;
  if (const auto why = why_no_grant(address)) {
    return say(log::Level::debug, fmt::format("no grant for {}: {}", quoted(first.login), *why));
  }
  batch->begin();
  records.update(
      RecordKind::grant, Prefix(address, address.bits()),
      [batch, alive, ttl](const store::Record* before) { return with_logins(*batch, alive, ttl, before); },
      [this, batch, alive](const Result<store::RecordBook::Entry>& updated) {
        if (!updated) return batch->end(updated.error());
        for (const auto* event : alive) {
          auto line = fmt::format("grant client={}", event->client->to_string());
          append_logfmt(line, "login", event->login);
          append_logfmt(line, "service", event->service);
          line += fmt::format(" for={}", mxwarden::to_string(std::chrono::ceil<std::chrono::seconds>(relay_grant.ttl)));
          say(log::Level::info, std::move(line));
        }
        batch->end({});
      });
}

void EventEffects::State::find(const UnderWay& batch, const MailEvent& event) {
  if (event.again || listing.mode == conf::Mode::off) return;
  if (event.kind == EventKind::blocklist_reject &&
      !lists.believes(entity_of(*event.client), event.list, event.reason, batch->now)) {
    return;
  }
  if (auto finding = finding_of(event, batch->time_of(event), listing)) add_finding(batch, event, std::move(*finding));
}

void EventEffects::State::add_finding(const UnderWay& batch, const MailEvent& event, Finding finding) {
  if (finding.at + finding.lasts <= batch->wall_now) return;
  const auto net = client_net(Prefix(*event.client, event.client->bits()), client.ipv4_prefix, client.ipv6_prefix);
  auto& of_client = batch->findings.try_emplace(net, Findings{net, {}, {}, batch->source, batch->now}).first->second;
  if (!event.client_name.empty()) of_client.client_name = event.client_name;
  of_client.findings.push_back(std::move(finding));
}

void EventEffects::State::hand_over_findings(const UnderWay& batch) {
  for (auto& [net, findings] : std::exchange(batch->findings, {})) {
    batch->begin();
    offences.found(std::move(findings), [batch](const Result<void>& outcome) { batch->end(outcome); });
  }
}

// What is older than it is remembered for is not news any more.
bool EventEffects::State::counts_recipients(const BatchUnderWay& batch, const MailEvent& event) const {
  return bad_recipient.mode != conf::Mode::off && bad_recipient.source == batch.batch.told_by &&
         !event.recipient.empty() && batch.time_of(event) + bad_recipient.forget > batch.wall_now;
}

// What questions show is only told when it is confirmed.
Duration EventEffects::State::lately_by(const BatchUnderWay& batch) const {
  return batch.batch.told_by == BadRecipientSource::questions ? bad_recipient.confirm + lately : lately;
}

// Only once, also if it is handed over again since something else of its batch was not kept.
bool EventEffects::State::is_counted(const BatchUnderWay& batch, const MailEvent& event) {
  return event.position <= batch.counted_before;
}

void EventEffects::State::count_unknown(const UnderWay& batch, const MailEvent& event) {
  const bool is_counted_before = is_counted(*batch, event);
  const bool by_questions = batch->batch.told_by == BadRecipientSource::questions;
  questions_tell = questions_tell || by_questions;
  if (options.top != nullptr && !is_counted_before && by_questions == questions_tell)
    options.top->guessed(*event.client, batch->now);
  if (!counts_recipients(*batch, event)) return;
  const auto asked = std::make_shared<store::Batch>();
  asked->now = batch->now;
  const bool is_late = batch->time_of(event) + lately_by(*batch) <= batch->wall_now;
  count_unknown_recipient(asked->counts, entity_of(*event.client), event.recipient, !is_late && !is_counted_before,
                          bad_recipient);
  batch->begin();
  store.execute(*asked, batch->now + patience, [this, asked, batch, &event](store::Answers answers) {
    if (const auto why = judge_unknown_recipient(answers, bad_recipient)) guilty(batch, event, *why);
    batch->end({});
  });
}

void EventEffects::State::count_accepted(const UnderWay& batch, const MailEvent& event) {
  if (!counts_recipients(*batch, event)) return;
  const auto asked = std::make_shared<store::Batch>();
  asked->now = batch->now;
  count_accepted_recipient(asked->counts, entity_of(*event.client), event.recipient, bad_recipient);
  batch->begin();
  store.execute(*asked, batch->now + patience, [asked, batch](store::Answers) { batch->end({}); });
}

void EventEffects::State::guilty(const UnderWay& batch, const MailEvent& event, const std::string& why) {
  if (!batch->guilty.insert(*event.client).second) return;
  const auto at = batch->time_of(event);
  if (bad_recipient.mode == conf::Mode::monitor) {
    auto line =
        fmt::format("offence rule={} net={} action=none would=ban", bad_recipient_name, event.client->to_string());
    append_logfmt(line, "why", why);
    return say(log::Level::info, line + " mode=monitor");
  }
  // Whoever guesses goes on guessing: one who is banned for it has been dealt with, if that was kept.
  if (std::as_const(records).book().find(RecordKind::ban, *event.client, batch->now) != nullptr) {
    if (!not_kept.contains(batch->batch.source)) return;
    keep_again(batch, RecordKind::listing, *event.client);
    return keep_again(batch, RecordKind::ban, *event.client);
  }
  Finding finding;
  finding.list = bad_recipient_name;
  finding.reason = fmt::format("You tried {}.", why);
  finding.at = at;
  finding.position = event.position;
  finding.lasts = std::chrono::ceil<milliseconds>(listing.ttl);
  finding.ban = bad_recipient.ban;
  add_finding(batch, event, std::move(finding));
  hand_over_findings(batch);
}

void EventEffects::State::keep_again(const UnderWay& batch, RecordKind kind, const Address& address) {
  const auto known = std::as_const(records).book().find(kind, address, batch->now);
  if (known == nullptr) return;
  batch->begin();
  records.update(
      kind, known->net,
      [](const store::Record* before) { return before == nullptr ? std::nullopt : std::optional(*before); },
      [batch](const Result<store::RecordBook::Entry>& updated) {
        batch->end(updated ? Result<void>() : updated.error());
      });
}

void EventEffects::tick(Instant now) {
  state_->lists.tick(now);
}

}  // namespace mxwarden::policy
