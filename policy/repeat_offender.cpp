#include "policy/repeat_offender.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/duration.hpp"

namespace mxwarden::policy {
namespace {

using conf::Settings;
using std::chrono::milliseconds;

milliseconds to_milliseconds(Duration duration) {
  return std::chrono::ceil<milliseconds>(duration);
}

// Between the clocks of nodes. What is further back was said by a clock that has been set.
constexpr auto most_skew = std::chrono::minutes(1);

// What was quiet since is a clean spell.
WallTime last_seen(const store::Listing& listing) {
  return std::max(listing.last, listing.banned_until);
}

bool is_over(const store::Listing& listing, const conf::Rate& rate) {
  if (rate.count == 0) return false;
  const auto begun = (listing.last - listing.period_began) / to_milliseconds(rate.within) + 1;
  return listing.hits_in_period > rate.count * static_cast<std::uint64_t>(begun);
}

bool is_over_total(const store::Listing& listing, const Settings::RepeatOffender& settings) {
  return settings.total != 0 && listing.hits > settings.total;
}

// No power grows beyond max_ban, however many bans there were.
Duration grown(Duration length, std::uint32_t bans, const Settings::RepeatOffender& settings) {
  const auto factor = static_cast<Duration::rep>(std::max<std::uint64_t>(settings.growth, 1));
  for (; bans > 0 && factor > 1 && length < settings.max_ban; --bans) {
    length = length > settings.max_ban / factor ? settings.max_ban : length * factor;
  }
  return std::min(length, settings.max_ban);
}

}  // namespace

store::Record attempted(const store::Record& listing, WallTime at, std::string_view client_name,
                        const Settings::RepeatOffender& settings) {
  auto record = listing;
  auto& what = std::get<store::Listing>(record.what);
  if (at - last_seen(what) >= to_milliseconds(settings.max_ban)) what.bans = 0;
  const auto interval = to_milliseconds(settings.rate.within);
  const bool was_set_back = what.last - at > most_skew;
  if (what.hits_in_period == 0 || at - what.last >= interval || was_set_back) {
    what.period_began = at;
    what.hits_in_period = 0;
  }
  what.last = was_set_back ? at : std::max(what.last, at);
  what.hits_in_period = store::one_more(what.hits_in_period);
  what.hits = store::one_more(what.hits);
  if (!client_name.empty()) what.client_name = client_name;
  if (what.lasts > milliseconds::zero()) record.until = std::max(record.until, last_seen(what) + what.lasts);
  return record;
}

std::optional<BanDue> ban_due(const store::Listing& listing, WallTime at, const Settings::RepeatOffender& settings) {
  if (listing.banned_until > at) return std::nullopt;
  const bool total = is_over_total(listing, settings);
  const bool rate = is_over(listing, settings.rate);
  if (!total && !rate) return std::nullopt;
  const auto length = std::max(total ? settings.total_ban : Duration(), rate ? settings.rate_ban : Duration());
  const auto period = std::chrono::ceil<std::chrono::seconds>(listing.last - listing.period_began);
  auto reason = total ? fmt::format("{} attempts in all", listing.hits)
                      : fmt::format("{} attempts in {}", listing.hits_in_period, to_string(period));
  return BanDue{.length = grown(length, listing.bans, settings),
                .reason = fmt::format("{}; listed by {}", reason, listing.list)};
}

store::Record banned(const store::Record& listing, WallTime at, const BanDue& due) {
  auto record = listing;
  auto& what = std::get<store::Listing>(record.what);
  what.bans = store::one_more(what.bans);
  what.banned_until = at + to_milliseconds(due.length);
  if (what.lasts > milliseconds::zero()) record.until = std::max(record.until, what.banned_until + what.lasts);
  return record;
}

std::optional<store::Record> noted_ban(const store::Record& listing, WallTime at, const BanDue& due,
                                       const store::Record* before) {
  const auto& what = std::get<store::Listing>(listing.what);
  const auto* known = before == nullptr ? nullptr : std::get_if<store::Ban>(&before->what);
  if (known != nullptr && (known->by_operator() || before->until > what.banned_until)) return std::nullopt;
  return store::Record{
      .net = listing.net,
      .until = what.banned_until,
      .what = store::Ban{.rule = std::string(due.rule), .reason = due.reason, .offences = what.bans, .made = at}};
}

}  // namespace mxwarden::policy
