#pragma once
// What decisions lead to beyond their answer. An attempt of a listed client is noted in its listing; a ban that its
// attempts have earned ([repeat_offender]), and that no guard forbids, is noted there as well and then made. Each of
// these is a step that others may come between: it is made of what is there by then. What was done, and what was not
// and why, is said in one line; what the operator is to look at, as a warning:
//
//   offence rule=repeat_offender net=198.51.100.7 name=host.example list=bl.example attempts=2 period=12s total=7
//           action=ban for=30m bans=1 mode=enforce
//   offence ... action=none would=ban why="192.0.2.0/24 is trusted" mode=enforce
//   alert rule=repeat_offender net=198.51.100.7 ... total=25
//
// While the store cannot be written, as Redis when it is away, attempts are not noted and no ban is made; a warning
// says so.
//
// Threads: one, that of the requests. What it is made with must outlive it, and the records must not finish anything
// for it after its end.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "conf/access_table.hpp"
#include "conf/settings.hpp"
#include "policy/guards.hpp"
#include "store/records.hpp"

namespace mxwarden::policy {

// A session of a listed client was refused because of the listing.
struct Attempt {
  store::RecordBook::Entry listing;
  std::string client_name;  // empty: not known
  WallTime at{};            // to the millisecond
  Instant now{};
};

class Offences {
 public:
  using Say = std::function<void(log::Level, std::string)>;

  Offences(store::Records& records, Say say) : records_(records), say_(std::move(say)) {}
  Offences(const Offences&) = delete;
  Offences& operator=(const Offences&) = delete;

  // Before the first attempt, and at each reload.
  void configure(const conf::Settings& settings, std::shared_ptr<const conf::AccessTable> access);
  // This host's, which no rule bans.
  void set_own_addresses(std::vector<Address> own) { own_ = std::move(own); }

  void attempted(const Attempt& attempt);

 private:
  using Updated = Result<store::RecordBook::Entry>;

  store::RecordBook::Entry in_force(const Attempt& attempt) const;
  void noted(const Attempt& attempt, const store::Record& listing);
  // Why no ban may be made; empty: it may, and one of the budget is taken for it.
  std::string why_no_ban(const store::Record& listing, Instant now);
  void note_ban(const Attempt& attempt, const store::Record& listing);
  void ban(const store::Record& listing, std::string_view reason, Instant now);
  void failed(const Error& error, Instant now);

  store::Records& records_;
  Say say_;
  conf::Settings::RepeatOffender settings_;
  std::size_t bans_per_minute_ = 0;
  std::optional<Guards> guards_;
  std::vector<Address> own_;
  BanBudget budget_;
  std::set<Prefix> under_way_;  // nets for which a ban is being noted
  log::RepeatedWarning budget_warning_;
  log::RepeatedWarning failure_;
};

}  // namespace mxwarden::policy
