#include "policy/finding.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.hpp"
#include "policy/repeat_offender.hpp"

namespace mxwarden::policy {
namespace {

using std::chrono::milliseconds;

milliseconds to_milliseconds(Duration duration) {
  return std::chrono::ceil<milliseconds>(duration);
}

// For the client to read, as its own reply has it.
std::string_view own_reason(EventKind kind) {
  switch (kind) {
    case EventKind::sender_forged:
      return "You used a sender address that is not yours.";
    case EventKind::helo_forged:
      return "You greeted us with a name that is not yours.";
    case EventKind::spam_trap:
      return "You wrote to an address that only spammers know.";
    default:
      return {};
  }
}

constexpr std::array error_texts{"127.255.255.",    "open resolver",       "public resolver",    "query refused",
                                 "queries refused", "excessive number of", "exceeded the query", "returnc"};

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char one, char other) { return lower(one) == lower(other); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

// A line that is read late, behind what has happened meanwhile, is one hit more of long ago.
bool is_news(const Finding& finding, const store::Record& before) {
  return std::get<store::Listing>(before.what).last - finding.at <= std::chrono::minutes(1);
}

store::Record late(store::Record record) {
  auto& hits = std::get<store::Listing>(record.what).hits;
  hits = store::one_more(hits);
  return record;
}

// Our own refusals do not prolong what a DNSBL has said: it is to be asked again.
milliseconds lasts_after(const Finding& finding) {
  return finding.of_dnsbl ? milliseconds::zero() : finding.lasts;
}

store::Record first_hit(const Finding& finding, const Prefix& net, std::string_view client_name) {
  store::Listing listing{.list = finding.list, .reason = finding.reason, .client_name = std::string(client_name)};
  listing.first = listing.last = listing.period_began = finding.at;
  listing.hits = listing.hits_in_period = 1;
  listing.lasts = lasts_after(finding);
  listing.unconfirmed = finding.of_dnsbl;
  return {.net = net, .until = finding.at + finding.lasts, .what = std::move(listing)};
}

}  // namespace

store::Record found(const Finding& finding, const Prefix& net, std::string_view client_name,
                    const store::Record* before, const conf::Settings::RepeatOffender& settings) {
  if (before == nullptr) return first_hit(finding, net, client_name);
  auto record = is_news(finding, *before) ? attempted(*before, finding.at, client_name, settings) : late(*before);
  auto& listing = std::get<store::Listing>(record.what);
  if (listing.by_operator) return record;
  listing.list = finding.list;
  listing.reason = finding.reason;
  listing.lasts = std::max(listing.lasts, lasts_after(finding));
  listing.unconfirmed = false;
  record.until = std::max(record.until, finding.at + finding.lasts);
  return record;
}

std::optional<Finding> finding_of(const MailEvent& event, WallTime at, const conf::Settings::Listing& settings) {
  Finding finding;
  finding.at = at;
  finding.position = event.position;
  if (event.kind == EventKind::blocklist_reject) {
    finding.list = event.list;
    finding.reason = event.reason;
    finding.of_dnsbl = true;
    finding.lasts = to_milliseconds(settings.dnsbl_ttl);
    return finding;
  }
  const auto reason = own_reason(event.kind);
  if (reason.empty()) return std::nullopt;
  finding.list = to_string(event.kind);
  finding.reason = reason;
  finding.lasts = to_milliseconds(settings.ttl);
  return finding;
}

bool is_dnsbl_error(std::string_view reason) {
  constexpr std::string_view error = "error";
  if (reason.size() >= error.size() && contains(reason.substr(0, error.size()), error)) return true;
  return std::ranges::any_of(error_texts, [&](std::string_view part) { return contains(reason, part); });
}

}  // namespace mxwarden::policy
