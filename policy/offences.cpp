#include "policy/offences.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "policy/repeat_offender.hpp"

namespace mxwarden::policy {
namespace {

using conf::Settings;
using std::chrono::seconds;
using store::RecordKind;

const store::Listing& listing_of(const store::Record& record) {
  return std::get<store::Listing>(record.what);
}

std::string line_about(std::string_view begin, const store::Record& record) {
  const auto& listing = listing_of(record);
  auto line = fmt::format("{} rule={} net=", begin, repeat_offender_name);
  record.net.append_to(line);
  if (!listing.client_name.empty()) append_logfmt(line, "name", listing.client_name);
  append_logfmt(line, "list", listing.list);
  line += fmt::format(" attempts={} period={} total={}", listing.hits_in_period,
                      to_string(std::chrono::ceil<seconds>(listing.last - listing.period_began)), listing.hits);
  return line;
}

}  // namespace

void Offences::configure(const Settings& settings, std::shared_ptr<const conf::AccessTable> access) {
  settings_ = settings.repeat_offender;
  bans_per_minute_ = settings.guard.bans_per_minute;
  guards_.emplace(settings, std::move(access));
}

void Offences::attempted(const Attempt& attempt) {
  if (settings_.mode == conf::Mode::off) return;
  const auto change = [settings = settings_, at = attempt.at,
                       name = attempt.client_name](const store::Record* before) -> std::optional<store::Record> {
    if (before == nullptr) return std::nullopt;
    return policy::attempted(*before, at, name, settings);
  };
  records_.update(RecordKind::listing, attempt.listing->net, change, [this, attempt](const Updated& updated) {
    if (!updated) failed(updated.error(), attempt.now);
    const auto entry = updated ? *updated : in_force(attempt);
    if (entry != nullptr) noted(attempt, *entry);
  });
}

// Of an attempt that could not be kept; null: it is not in force either.
store::RecordBook::Entry Offences::in_force(const Attempt& attempt) const {
  auto entry = std::as_const(records_).book().find_net(RecordKind::listing, attempt.listing->net, attempt.now);
  return entry != nullptr && listing_of(*entry).hits > listing_of(*attempt.listing).hits ? entry : nullptr;
}

void Offences::noted(const Attempt& attempt, const store::Record& record) {
  const auto& listing = listing_of(record);
  if (listing.hits == settings_.alert) say_(log::Level::warn, line_about("alert", record));
  const auto due = ban_due(listing, attempt.at, settings_);
  if (!due || under_way_.contains(record.net)) return;
  const auto why_not = why_no_ban(record, attempt.now);
  if (settings_.mode == conf::Mode::enforce && why_not.empty()) return note_ban(attempt, record);
  auto line = line_about("offence", record);
  append_logfmt(line, "action", "none");
  append_logfmt(line, "would", "ban");
  append_logfmt(line, "for", to_string(std::chrono::ceil<seconds>(due->length)));
  if (!why_not.empty()) append_logfmt(line, "why", why_not);
  append_logfmt(line, "mode", settings_.mode == conf::Mode::enforce ? "enforce" : "monitor");
  say_(log::Level::info, std::move(line));
}

std::string Offences::why_no_ban(const store::Record& record, Instant now) {
  if (settings_.mode != conf::Mode::enforce) return {};
  if (auto why = guards_->why_not(record.net, listing_of(record).client_name, own_)) return std::move(*why);
  if (budget_.take(bans_per_minute_, now)) return {};
  auto why = fmt::format("{} bans within a minute are as many as [guard] bans_per_minute allows", bans_per_minute_);
  budget_warning_.warn(fmt::format("alert rule={} {}; look who is listed", repeat_offender_name, why), now);
  return why;
}

void Offences::note_ban(const Attempt& attempt, const store::Record& record) {
  under_way_.insert(record.net);
  // Of the last time that the change is asked, which is what comes of it; nothing: somebody else has banned it.
  const auto due = std::make_shared<std::optional<BanDue>>();
  const auto change = [settings = settings_, at = attempt.at,
                       due](const store::Record* before) -> std::optional<store::Record> {
    *due = before == nullptr ? std::nullopt : ban_due(listing_of(*before), at, settings);
    return *due ? std::optional(banned(*before, at, **due)) : std::nullopt;
  };
  records_.update(RecordKind::listing, record.net, change, [this, attempt, due](const Updated& updated) {
    under_way_.erase(attempt.listing->net);
    if (!updated) failed(updated.error(), attempt.now);
    const auto entry = updated ? *updated : in_force(attempt);
    if (entry == nullptr || !*due) return;
    const auto& listing = listing_of(*entry);
    auto line = line_about("offence", *entry);
    append_logfmt(line, "action", "ban");
    append_logfmt(line, "for", to_string(std::chrono::ceil<seconds>(listing.banned_until - attempt.at)));
    append_logfmt(line, "bans", std::to_string(listing.bans));
    append_logfmt(line, "mode", "enforce");
    say_(log::Level::info, std::move(line));
    ban(*entry, (*due)->reason, attempt.now);
  });
}

void Offences::ban(const store::Record& listing, std::string_view reason, Instant now) {
  records_.update(
      RecordKind::ban, listing.net,
      [listing, reason = std::string(reason)](const store::Record* before) {
        return noted_ban(listing, reason, before);
      },
      [this, now](const Updated& updated) {
        if (!updated) failed(updated.error(), now);
      });
}

void Offences::failed(const Error& error, Instant now) {
  failure_.warn("attempts of listed clients are not remembered, and do not bring a ban: " + error.message, now);
}

}  // namespace mxwarden::policy
