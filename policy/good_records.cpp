#include "policy/good_records.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "policy/good_record_rule.hpp"

namespace mxwarden::policy {
namespace {

// Nobody waits for it.
constexpr Duration patience = std::chrono::seconds(1);

}  // namespace

void GoodRecords::configure(const conf::Settings& settings) {
  good_record_ = settings.client.good_record;
  share_ = settings.guard.good_record_share;
  guard_.forget_refusals();
  spared_.clear();
}

void GoodRecords::met(const Meeting& meeting, Instant now) {
  if (good_record_.count == 0) return;
  for (const auto& rule : meeting.refused_by) {
    if (guard_.refused(meeting.client, rule, now)) look_up(meeting.client, rule, now);
  }
  if (meeting.refused_by.empty() && meeting.messages >= good_record_.count) guard_.came(meeting.client, now);
}

void GoodRecords::look_up(const std::string& client, const std::string& rule, Instant now) {
  const auto batch = std::make_shared<store::Batch>();
  batch->now = now;
  batch->look = true;
  write_good_record(batch->counts.add(), client, good_record_, 0);
  store_.execute(*batch, now + patience, [this, batch, rule](store::Answers answers) {
    if (answers.empty() || answers.front().count < good_record_.count) return;
    guard_.refused_good(batch->counts[0].entity, rule, batch->now);
  });
}

void GoodRecords::tick(Instant now) {
  guard_.tick(now);
  RuleNames spared;
  for (const auto& hit : guard_.over(share_)) {
    spared.insert(hit.by);
    if (spared_.contains(hit.by)) continue;
    say_(
        log::Level::warn,
        fmt::format("alert rule={} refuses {} of {} clients with a good record that came within ten minutes; it spares "
                    "them until it no longer would ([guard] good_record_share)",
                    hit.by, hit.hit, hit.came));
  }
  for (const auto& rule : spared_) {
    if (!spared.contains(rule)) say_(log::Level::warn, fmt::format("alert rule={} spares nobody any more", rule));
  }
  spared_ = std::move(spared);
}

}  // namespace mxwarden::policy
