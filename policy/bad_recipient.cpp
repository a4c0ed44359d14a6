#include "policy/bad_recipient.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/duration.hpp"
#include "policy/identity.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::string_view accepted_counter = "accepted_recipient";
constexpr std::string_view tries_counter = "bad_recipient_rate";
constexpr std::string_view suspected_counter = "suspected_recipient";
constexpr std::string_view suspected_tries_counter = "suspected_recipient_rate";

// The answers to count_unknown_recipient(), in their order.
enum Asked : std::size_t { unknown, accepted, tries };
// To count_suspected_recipient().
enum AskedOfSuspected : std::size_t { suspected_now, unknown_before, accepted_before, suspected_tries };

store::Count& add_distinct(store::Counts& counts, const std::string& client, std::string_view counter,
                           std::string_view recipient, Duration length) {
  auto& count = counts.add();
  count.entity = client;
  count.counter = counter;
  count.windows = {{length, most_recipients_known_apart}};
  count.binding = false;
  append_canonical_address(count.member, recipient, LocalPart::lower_case);
  return count;
}

store::Count& add_tries(store::Counts& counts, const std::string& client, std::string_view counter, Duration length,
                        std::uint64_t limit) {
  auto& count = counts.add();
  count.entity = client;
  count.counter = counter;
  count.windows = {{length, limit}};
  count.binding = false;
  return count;
}

// Too many within a part of the time are too many within all of it.
Duration tries_window(const conf::Settings::BadRecipient& settings) {
  return std::min(settings.rate.within, settings.confirm);
}

bool are_too_many(std::uint64_t bad, std::uint64_t good, const conf::Settings::BadRecipient& settings) {
  return bad > settings.distinct && bad * 100 > static_cast<std::uint64_t>(settings.share) * (bad + good);
}

}  // namespace

void count_unknown_recipient(store::Counts& counts, const std::string& client, std::string_view recipient, bool lately,
                             const conf::Settings::BadRecipient& settings) {
  add_distinct(counts, client, bad_recipient_name, recipient, settings.forget);
  add_distinct(counts, client, accepted_counter, recipient, settings.forget).n = 0;
  if (!lately || settings.rate.count == 0) return;
  add_tries(counts, client, tries_counter, settings.rate.within, settings.rate.count);
}

void count_suspected_recipient(store::Counts& counts, const std::string& client, std::string_view suspected,
                               std::string_view asked, const conf::Settings::BadRecipient& settings) {
  const auto n = suspected.empty() ? 0U : 1U;
  const auto recipient = suspected.empty() ? asked : suspected;
  add_distinct(counts, client, suspected_counter, recipient, settings.confirm).n = n;
  add_distinct(counts, client, bad_recipient_name, recipient, settings.forget).n = 0;
  add_distinct(counts, client, accepted_counter, recipient, settings.forget).n = 0;
  if (settings.rate.count == 0) return;
  // One more is recorded than there may be, so that who only looks sees that they are too many.
  add_tries(counts, client, suspected_tries_counter, tries_window(settings), settings.rate.count + 1).n = n;
}

void count_accepted_recipient(store::Counts& counts, const std::string& client, std::string_view recipient,
                              const conf::Settings::BadRecipient& settings) {
  add_distinct(counts, client, accepted_counter, recipient, settings.forget);
}

std::optional<std::string> judge_unknown_recipient(store::Answers answers,
                                                   const conf::Settings::BadRecipient& settings) {
  if (answers.size() <= accepted) return std::nullopt;
  const auto bad = answers[unknown].count;
  const auto good = answers[accepted].count;
  if (are_too_many(bad, good, settings)) {
    return fmt::format("{} unknown recipients of {} within {}", bad, bad + good, to_string(settings.forget));
  }
  if (answers.size() > tries && answers[tries].over) {
    return fmt::format("more than {} unknown recipients within {}", settings.rate.count,
                       to_string(settings.rate.within));
  }
  return std::nullopt;
}

std::optional<Cause> judge_suspected_recipient(store::Answers answers, const conf::Settings::BadRecipient& settings) {
  if (answers.size() <= accepted_before) return std::nullopt;
  const auto cause = [](std::uint64_t count, std::uint64_t limit, Duration window) {
    return Cause{.count = count, .limit = limit, .window = window, .retry_after = {}};
  };
  const auto good = answers[accepted_before].count;
  const auto suspected = answers[suspected_now].count;
  if (are_too_many(suspected, good, settings)) return cause(suspected, settings.distinct, settings.confirm);
  const auto before = answers[unknown_before].count;
  if (are_too_many(before, good, settings)) return cause(before, settings.distinct, settings.forget);
  if (answers.size() <= suspected_tries) return std::nullopt;
  const auto tried = answers[suspected_tries].count;
  if (tried > settings.rate.count) return cause(tried, settings.rate.count, tries_window(settings));
  return std::nullopt;
}

}  // namespace mxwarden::policy
