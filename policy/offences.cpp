#include "policy/offences.hpp"

#include <fmt/format.h>

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
  const auto net = attempt.listing->net;
  const auto leave = ask_leave(attempt);
  const auto change = [settings = settings_, at = attempt.at, name = attempt.client_name,
                       to_ban = leave.to_ban](const store::Record* before) -> std::optional<store::Record> {
    if (before == nullptr) return std::nullopt;
    auto record = policy::attempted(*before, at, name, settings);
    const auto due = to_ban ? ban_due(listing_of(record), settings) : std::nullopt;
    return due ? banned(record, at, *due) : record;
  };
  records_.update(RecordKind::listing, net, change,
                  [this, attempt, leave](const Result<store::RecordBook::Entry>& updated) {
                    if (!updated) failed(updated.error(), attempt.now);
                    // Also of what is in force here and could not be kept.
                    const auto& book = std::as_const(records_).book();
                    const auto entry = book.find_net(RecordKind::listing, attempt.listing->net, attempt.now);
                    if (entry != nullptr && (updated || listing_of(*entry).last == attempt.at))
                      noted(attempt, leave, *entry);
                  });
}

Offences::Leave Offences::ask_leave(const Attempt& attempt) {
  if (settings_.mode != conf::Mode::enforce) return {};
  const auto expected = policy::attempted(*attempt.listing, attempt.at, attempt.client_name, settings_);
  if (!ban_due(listing_of(expected), settings_)) return {.to_ban = true};
  if (auto why = guards_->why_not(expected.net, own_)) return {.why_not = std::move(*why)};
  if (budget_.take(bans_per_minute_, attempt.now)) return {.to_ban = true};
  auto why = fmt::format("{} bans within a minute are as many as [guard] bans_per_minute allows", bans_per_minute_);
  budget_warning_.warn(fmt::format("alert rule={} {}; look who is listed", repeat_offender_name, why), attempt.now);
  return {.why_not = std::move(why)};
}

void Offences::noted(const Attempt& attempt, const Leave& leave, const store::Record& record) {
  const auto& listing = listing_of(record);
  if (listing.hits == settings_.alert) say_(log::Level::warn, line_about("alert", record));
  const auto due = ban_due(listing, settings_);
  if (!due) return;
  auto line = line_about("offence", record);
  const bool bans = leave.to_ban && listing.banned_until > attempt.at;
  append_logfmt(line, "action", bans ? "ban" : "none");
  if (!bans) append_logfmt(line, "would", "ban");
  const auto length = bans ? listing.banned_until - attempt.at : due->length;
  append_logfmt(line, "for", to_string(std::chrono::ceil<seconds>(length)));
  if (bans) append_logfmt(line, "bans", std::to_string(listing.bans));
  if (!leave.why_not.empty()) append_logfmt(line, "why", leave.why_not);
  append_logfmt(line, "mode", settings_.mode == conf::Mode::enforce ? "enforce" : "monitor");
  say_(log::Level::info, std::move(line));
  if (bans) ban(record, due->reason, attempt.now);
}

void Offences::ban(const store::Record& listing, const std::string& reason, Instant now) {
  records_.update(
      RecordKind::ban, listing.net,
      [listing, reason](const store::Record* before) { return noted_ban(listing, reason, before); },
      [this, now](const Result<store::RecordBook::Entry>& updated) {
        if (!updated) failed(updated.error(), now);
      });
}

void Offences::failed(const Error& error, Instant now) {
  failure_.warn("attempts of listed clients are not remembered, and do not bring a ban: " + error.message, now);
}

}  // namespace mxwarden::policy
