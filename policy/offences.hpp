#pragma once
// What decisions, and findings of a mail log, lead to beyond their answer. An attempt of a listed client is noted in
// its listing; so is what a log has found, which lists who was not. A ban that attempts have earned
// ([repeat_offender]), or that comes with a finding, and that no guard forbids, is noted in the listing as well and
// then made. Each of these is a step that others may come between: it is made of what is there by then. What was done,
// and what was not and why, is said in one line; what the operator is to look at, as a warning:
//
//   offence rule=listing net=198.51.100.7 name=host.example list=bl.example attempts=1 period=0s total=1
//           action=list for=1d reason="..."
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

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "conf/access_table.hpp"
#include "conf/settings.hpp"
#include "policy/finding.hpp"
#include "policy/guards.hpp"
#include "policy/repeat_offender.hpp"
#include "store/records.hpp"

namespace mxwarden::policy {

// A session of a listed client was refused because of the listing.
struct Attempt {
  store::RecordBook::Entry listing;
  std::string client_name;  // empty: not known
  WallTime at{};            // to the millisecond
  Instant now{};
};

// What a log has found of one client, in its order.
struct Findings {
  Prefix net;
  std::string client_name;  // empty: not known
  std::vector<Finding> findings;
  std::uint64_t source = 0;  // whose positions theirs are: those that are in the listing already are passed over
  Instant now{};
};

// What has become of them in the listing.
struct FindingsNoted {
  bool lists = false;
  bool hits = false;   // false: it had all of them already
  bool alert = false;  // it has as many now as the operator is to be told of
};

class Offences {
 public:
  // Without an error: what follows is kept, and survives.
  using Done = std::function<void(Result<void>)>;
  using Say = std::function<void(log::Level, std::string)>;

  Offences(store::Records& records, Say say) : records_(records), say_(std::move(say)) {}
  Offences(const Offences&) = delete;
  Offences& operator=(const Offences&) = delete;

  // Before the first attempt, and at each reload.
  void configure(const conf::Settings& settings, std::shared_ptr<const conf::AccessTable> access);
  // This host's, which no rule bans.
  void set_own_addresses(std::vector<Address> own) { own_ = std::move(own); }
  bool is_own(const Address& address) const { return std::ranges::find(own_, address) != own_.end(); }

  void attempted(const Attempt& attempt);
  // `done` is called once, before this returns or later.
  void found(Findings findings, Done done);
  // Why no rule may list or ban this client; nothing: it may.
  std::optional<std::string> why_not(const Prefix& net, std::string_view client_name) const {
    return guards_->why_not(net, client_name, own_);
  }

 private:
  using Updated = Result<store::RecordBook::Entry>;

  // What has been noted in a listing, and may have earned a ban.
  struct Case {
    Prefix net;
    WallTime at{};
    Instant now{};
    std::optional<BanDue> comes_with;  // whatever its attempts say
    Done done;
  };

  store::RecordBook::Entry in_force(const Prefix& net, Instant now) const;
  WallTime wall_now(Instant now) const;
  // Of an attempt, for whose end nobody waits.
  Done done_with(const Updated& updated, Instant now);
  void after_findings(const Findings& findings, const FindingsNoted& noted, const Updated& updated, const Done& done);
  std::optional<BanDue> due_of(const Case& what, const store::Listing& listing) const;
  void noted(const Case& what, const store::Record& listing);
  // Why no ban may be made; empty: it may, and one of the budget is taken for it.
  std::string why_no_ban(const store::Record& listing, Instant now);
  void note_ban(const Case& what, const store::Record& listing);
  void ban(const store::Record& listing, const BanDue& due, const Case& what);
  void finish(const Case& what, const Updated& updated);
  void say_listed(const store::Record& listing, const Finding& finding);
  bool has_no_room_for(const Prefix& net, Instant now);
  void failed(const Error& error, Instant now);

  store::Records& records_;
  Say say_;
  conf::Settings::RepeatOffender settings_;
  std::size_t bans_per_minute_ = 0;
  std::size_t max_listings_ = 0;
  std::optional<Guards> guards_;
  std::vector<Address> own_;
  BanBudget budget_;
  // Nets for which a ban is being made, and who waits for the end of it.
  std::map<Prefix, std::vector<Done>> under_way_;
  log::RepeatedWarning budget_warning_;
  log::RepeatedWarning listings_warning_;
  log::RepeatedWarning failure_;
};

}  // namespace mxwarden::policy
