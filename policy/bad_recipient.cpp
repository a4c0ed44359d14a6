#include "policy/bad_recipient.hpp"

#include <fmt/format.h>

#include "base/duration.hpp"
#include "policy/identity.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::string_view accepted_counter = "accepted_recipient";
constexpr std::string_view tries_counter = "bad_recipient_rate";

// The answers to count_unknown_recipient(), in their order.
enum Asked : std::size_t { unknown, accepted, tries };

store::Count& add_distinct(store::Counts& counts, const std::string& client, std::string_view counter,
                           std::string_view recipient, Duration forget) {
  auto& count = counts.add();
  count.entity = client;
  count.counter = counter;
  count.windows = {{forget, most_recipients_known_apart}};
  count.binding = false;
  append_canonical_address(count.member, recipient, LocalPart::lower_case);
  return count;
}

}  // namespace

void count_unknown_recipient(store::Counts& counts, const std::string& client, std::string_view recipient, bool lately,
                             const conf::Settings::BadRecipient& settings) {
  add_distinct(counts, client, bad_recipient_name, recipient, settings.forget);
  add_distinct(counts, client, accepted_counter, recipient, settings.forget).n = 0;
  if (!lately || settings.rate.count == 0) return;
  auto& count = counts.add();
  count.entity = client;
  count.counter = tries_counter;
  count.windows = {{settings.rate.within, settings.rate.count}};
  count.binding = false;
}

void count_accepted_recipient(store::Counts& counts, const std::string& client, std::string_view recipient,
                              const conf::Settings::BadRecipient& settings) {
  add_distinct(counts, client, accepted_counter, recipient, settings.forget);
}

std::optional<std::string> judge_unknown_recipient(store::Answers answers,
                                                   const conf::Settings::BadRecipient& settings) {
  if (answers.size() <= accepted) return std::nullopt;
  const auto bad = answers[unknown].count;
  const auto all = bad + answers[accepted].count;
  if (bad > settings.distinct && bad * 100 > static_cast<std::uint64_t>(settings.share) * all) {
    return fmt::format("{} unknown recipients of {} within {}", bad, all, to_string(settings.forget));
  }
  if (answers.size() > tries && answers[tries].over) {
    return fmt::format("more than {} unknown recipients within {}", settings.rate.count,
                       to_string(settings.rate.within));
  }
  return std::nullopt;
}

}  // namespace mxwarden::policy
