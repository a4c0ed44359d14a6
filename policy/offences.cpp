#include "policy/offences.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "policy/bad_recipient.hpp"
#include "policy/repeat_offender.hpp"

namespace mxwarden::policy {
namespace {

using conf::Settings;
using std::chrono::seconds;
using store::RecordKind;

const store::Listing& listing_of(const store::Record& record) {
  return std::get<store::Listing>(record.what);
}

std::string_view rule_of(const Finding& finding) {
  return finding.of_dnsbl ? std::string_view("listing") : finding.list;
}

std::string line_about(std::string_view begin, std::string_view rule, const store::Record& record) {
  const auto& listing = listing_of(record);
  auto line = fmt::format("{} rule={} net=", begin, rule);
  record.net.append_to(line);
  if (!listing.client_name.empty()) append_logfmt(line, "name", listing.client_name);
  append_logfmt(line, "list", listing.list);
  line +=
      fmt::format(" attempts={} period={} total={}", listing.hits_in_period,
                  mxwarden::to_string(std::chrono::ceil<seconds>(listing.last - listing.period_began)), listing.hits);
  return line;
}

// Nothing new: it is written as it is, as whoever asks again does not know whether it was kept.
std::optional<store::Record> with_findings(const Findings& findings, const store::Record* before,
                                           const Settings::RepeatOffender& settings, FindingsNoted& noted) {
  noted = {};
  std::optional<store::Record> record;
  if (before != nullptr) record = *before;
  const auto known = before == nullptr ? 0 : store::position_in(*before, findings.source);
  for (const auto& finding : findings.findings) {
    if (finding.position <= known) continue;
    record = policy::found(finding, findings.net, findings.client_name, record ? &*record : nullptr, settings);
    noted.hits = true;
  }
  if (!record) return record;
  noted.lists = before == nullptr;
  const auto hits_before = before == nullptr ? 0 : listing_of(*before).hits;
  noted.alert = hits_before < settings.alert && listing_of(*record).hits >= settings.alert;
  store::put_mark(*record, {findings.source, std::max(known, findings.findings.back().position)});
  return record;
}

}  // namespace

void Offences::configure(const Settings& settings, std::shared_ptr<const conf::AccessTable> access) {
  settings_ = settings.repeat_offender;
  bans_per_minute_ = settings.guard.bans_per_minute;
  max_listings_ = settings.guard.max_listings;
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
    const auto entry = updated ? *updated : in_force(attempt.listing->net, attempt.now);
    const Case what{attempt.listing->net, attempt.at, attempt.now, std::nullopt, done_with(updated, attempt.now)};
    if (entry == nullptr || listing_of(*entry).hits <= listing_of(*attempt.listing).hits) return what.done({});
    if (listing_of(*entry).hits == settings_.alert) {
      say_(log::Level::warn, line_about("alert", repeat_offender_name, *entry));
    }
    noted(what, *entry);
  });
}

// What could not be kept may be in force nevertheless, as long as this process lives.
store::RecordBook::Entry Offences::in_force(const Prefix& net, Instant now) const {
  return std::as_const(records_).book().find_net(RecordKind::listing, net, now);
}

Offences::Done Offences::done_with(const Updated& updated, Instant now) {
  return [this, now, error = updated ? std::optional<Error>() : updated.error()](const Result<void>& outcome) {
    if (error || !outcome) failed(error ? *error : outcome.error(), now);
  };
}

void Offences::found(Findings findings, Done done) {
  if (const auto why = why_not(findings.net, findings.client_name)) {
    const auto& finding = findings.findings.back();
    auto record = policy::found(finding, findings.net, findings.client_name, nullptr, settings_);
    auto line = line_about("offence", rule_of(finding), record);
    line += " action=none would=list";
    append_logfmt(line, "why", *why);
    say_(log::Level::info, std::move(line));
    return done({});
  }
  if (has_no_room_for(findings.net, findings.now)) return done({});
  const auto noted = std::make_shared<FindingsNoted>();
  const auto shared = std::make_shared<Findings>(std::move(findings));
  records_.update(
      RecordKind::listing, shared->net,
      [shared, noted, settings = settings_](const store::Record* before) {
        return with_findings(*shared, before, settings, *noted);
      },
      [this, shared, noted, done = std::move(done)](const Updated& updated) {
        after_findings(*shared, *noted, updated, done);
      });
}

bool Offences::has_no_room_for(const Prefix& net, Instant now) {
  const auto& book = std::as_const(records_).book();
  if (book.size(RecordKind::listing) < max_listings_ || book.find_net(RecordKind::listing, net, now) != nullptr) {
    return false;
  }
  listings_warning_.warn(
      fmt::format("alert rule=listing {} clients are listed, as many as [guard] max_listings allows: no other is",
                  max_listings_),
      now);
  return true;
}

void Offences::after_findings(const Findings& findings, const FindingsNoted& noted, const Updated& updated,
                              const Done& done) {
  const auto entry = updated ? *updated : in_force(findings.net, findings.now);
  const auto& finding = findings.findings.back();
  Case what{findings.net, finding.at, findings.now, std::nullopt, done};
  if (!updated) what.done = [done, error = updated.error()](const Result<void>&) { done(error); };
  if (entry == nullptr) return what.done({});
  if (noted.lists) say_listed(*entry, finding);
  if (noted.alert) say_(log::Level::warn, line_about("alert", repeat_offender_name, *entry));
  if (finding.ban) {
    what.comes_with = BanDue{.rule = bad_recipient_name, .length = *finding.ban, .reason = finding.reason};
  }
  if (!noted.hits && listing_of(*entry).banned_until > wall_now(findings.now)) {
    // It was noted, and what came in between may have kept the ban from being made.
    return ban(*entry, what.comes_with.value_or(BanDue{.length = {}, .reason = "listed by " + listing_of(*entry).list}),
               what);
  }
  this->noted(what, *entry);
}

WallTime Offences::wall_now(Instant now) const {
  return std::as_const(records_).book().wall(now);
}

void Offences::say_listed(const store::Record& record, const Finding& finding) {
  auto line = line_about("offence", rule_of(finding), record);
  line += " action=list";
  append_logfmt(line, "for", mxwarden::to_string(std::chrono::ceil<seconds>(record.until - finding.at)));
  append_logfmt(line, "reason", listing_of(record).reason);
  say_(log::Level::info, std::move(line));
}

std::optional<BanDue> Offences::due_of(const Case& what, const store::Listing& listing) const {
  if (what.comes_with && listing.banned_until <= what.at) return what.comes_with;
  if (settings_.mode == conf::Mode::off) return std::nullopt;
  return ban_due(listing, what.at, settings_);
}

void Offences::noted(const Case& what, const store::Record& record) {
  const auto due = due_of(what, listing_of(record));
  if (!due || what.at + due->length <= wall_now(what.now)) return what.done({});
  if (const auto waiting = under_way_.find(record.net); waiting != under_way_.end()) {
    waiting->second.push_back(what.done);
    return;
  }
  const auto mode = what.comes_with ? conf::Mode::enforce : settings_.mode;
  const auto why_not = mode == conf::Mode::enforce ? why_no_ban(record, what.now) : std::string();
  if (mode == conf::Mode::enforce && why_not.empty()) return note_ban(what, record);
  auto line = line_about("offence", due->rule, record);
  append_logfmt(line, "action", "none");
  append_logfmt(line, "would", "ban");
  append_logfmt(line, "for", mxwarden::to_string(std::chrono::ceil<seconds>(due->length)));
  if (!why_not.empty()) append_logfmt(line, "why", why_not);
  append_logfmt(line, "mode", mode == conf::Mode::enforce ? "enforce" : "monitor");
  say_(log::Level::info, std::move(line));
  what.done({});
}

std::string Offences::why_no_ban(const store::Record& record, Instant now) {
  if (auto why = why_not(record.net, listing_of(record).client_name)) return std::move(*why);
  if (budget_.take(bans_per_minute_, now)) return {};
  auto why = fmt::format("{} bans within a minute are as many as [guard] bans_per_minute allows", bans_per_minute_);
  budget_warning_.warn(fmt::format("alert rule={} {}; look who is listed", repeat_offender_name, why), now);
  return why;
}

void Offences::note_ban(const Case& what, const store::Record& record) {
  under_way_.try_emplace(record.net);
  // Of the last time that the change is asked, which is what comes of it; nothing: somebody else has banned it.
  const auto due = std::make_shared<std::optional<BanDue>>();
  const auto change = [this, what, due](const store::Record* before) -> std::optional<store::Record> {
    *due = before == nullptr ? std::nullopt : due_of(what, listing_of(*before));
    return *due ? std::optional(banned(*before, what.at, **due)) : std::nullopt;
  };
  records_.update(RecordKind::listing, record.net, change, [this, what, due](const Updated& updated) {
    const auto entry = updated ? *updated : in_force(what.net, what.now);
    if (entry == nullptr || !*due || listing_of(*entry).banned_until <= what.at) return finish(what, updated);
    const auto& listing = listing_of(*entry);
    auto line = line_about("offence", (*due)->rule, *entry);
    append_logfmt(line, "action", "ban");
    append_logfmt(line, "for", mxwarden::to_string(std::chrono::ceil<seconds>(listing.banned_until - what.at)));
    append_logfmt(line, "bans", std::to_string(listing.bans));
    append_logfmt(line, "mode", "enforce");
    say_(log::Level::info, std::move(line));
    ban(*entry, **due, what);
  });
}

void Offences::finish(const Case& what, const Updated& updated) {
  std::vector<Done> waiting;
  if (const auto ended = under_way_.find(what.net); ended != under_way_.end()) {
    waiting = std::move(ended->second);
    under_way_.erase(ended);
  }
  const auto outcome = updated ? Result<void>() : Result<void>(updated.error());
  what.done(outcome);
  for (const auto& done : waiting) done(outcome);
}

void Offences::ban(const store::Record& listing, const BanDue& due, const Case& what) {
  records_.update(
      RecordKind::ban, listing.net,
      [listing, at = what.at, due](const store::Record* before) { return noted_ban(listing, at, due, before); },
      [this, what](const Updated& updated) { finish(what, updated); });
}

void Offences::failed(const Error& error, Instant now) {
  failure_.warn("attempts of listed clients are not remembered, and do not bring a ban: " + error.message, now);
}

}  // namespace mxwarden::policy
