#include "policy/good_records.hpp"

#include <memory>

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
}

void GoodRecords::met(const Meeting& meeting, Instant now) {
  if (good_record_.count == 0) return;
  if (!meeting.refused_by.empty()) {
    if (guard_.refused(meeting.client, meeting.refused_by, now)) look_up(meeting, now);
  } else if (meeting.messages >= good_record_.count) {
    guard_.came(meeting.client, now);
  }
}

void GoodRecords::look_up(const Meeting& meeting, Instant now) {
  const auto batch = std::make_shared<store::Batch>();
  batch->now = now;
  write_good_record(batch->counts.add(), meeting.client, good_record_, 0);
  store_.execute(*batch, now + patience, [this, batch, rule = meeting.refused_by](store::Answers answers) {
    if (answers.empty() || answers.front().count < good_record_.count) return;
    guard_.refused_good(batch->counts[0].entity, rule, batch->now);
  });
}

std::vector<GoodRecordGuard::Hit> GoodRecords::tick(Instant now) {
  guard_.tick(now);
  return guard_.over(share_);
}

}  // namespace mxwarden::policy
