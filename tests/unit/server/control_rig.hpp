#pragma once
// The operations of the control socket with records in memory that survive when the test says so, and a clock that it
// moves.

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "server/control_operations.hpp"
#include "server/tops.hpp"
#include "support/memory_records.hpp"

namespace mxwarden::server {

class FakeRecords final : public tests::MemoryRecords {
 public:
  explicit FakeRecords(const Clock& clock) : MemoryRecords(clock), clock_(clock) {}

  void update(store::RecordKind kind, const Prefix& net, Change change, Updated done) override {
    if (!error.empty()) return finish(done, Result<Entry>(Error{error}));
    if (too_late) return finish(done, Result<Entry>(Entry()));
    if (unheard) store::ask(change, kind, net, book().find_net(kind, net, clock_.now()).get());  // in vain
    hear();
    MemoryRecords::update(kind, net, std::move(change), [&](const auto& updated) { finish(done, updated); });
  }
  void erase(store::RecordKind kind, const Prefix& net, Erased done) override {
    if (!error.empty()) return finish(done, Result<bool>(Error{error}));
    hear();
    MemoryRecords::erase(kind, net, [&](const auto& erased) { finish(done, erased); });
  }

  void finish_one() {
    const auto next = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    next();
  }
  std::size_t waiting() const { return waiting_.size(); }

  std::string error;  // empty: all goes well
  bool finishes_later = false;
  bool too_late = false;                 // what is added is over when it is written
  std::optional<store::Record> unheard;  // another node has written it; it is met by the next write

 private:
  using Entry = store::RecordBook::Entry;

  void hear() {
    if (unheard) book().put(*unheard, clock_.now());
    unheard.reset();
  }
  template <class Answered, class Outcome>
  void finish(const Answered& done, const Outcome& result) {
    if (!finishes_later) return done(result);
    waiting_.push_back([done, result] { done(result); });
  }

  const Clock& clock_;
  std::vector<std::function<void()>> waiting_;
};

// What others have put up, and what this node has.
class FakeBoard final : public store::NoticeBoard {
 public:
  void put(std::string_view name, std::string_view text) override { put_up[std::string(name)] = text; }
  void read(std::string_view name, Read done) override {
    asked.emplace_back(name);
    if (!answers_later) return done(others);
    waiting = std::move(done);
  }

  std::map<std::string, std::string> put_up;
  Result<std::vector<store::Notice>> others;
  std::vector<std::string> asked;
  bool answers_later = false;
  Read waiting;
};

struct ControlRig {
  ControlRig() {
    static const bool silent = log::start("unit_server", "file:/dev/null", log::Level::error).has_value();
    REQUIRE(silent);
    settings.server.node = "mx1";
    settings.client.trusted = {Prefix::parse("127.0.0.0/8").value(), Prefix::parse("192.0.2.25").value()};
    settings.relay_grant.ttl = std::chrono::minutes(30);
    settings.listing.ttl = std::chrono::hours(24 * 90);
  }

  // The answer's line; empty: there is none yet.
  std::string answer(std::string_view request, bool first = false, uid_t uid = 0) {
    std::string line;
    operations.answer(request, {.uid = uid}, first, [&](std::string text) { line = std::move(text); });
    return line;
  }
  boost::json::object ask(std::string_view request) { return boost::json::parse(answer(request)).as_object(); }
  // Of a request that must be refused.
  std::string error(std::string_view request) {
    const auto object = ask(request);
    if (object.at("ok") != false) return "no error: " + boost::json::serialize(object);
    return std::string(object.at("error").as_string());
  }

  ManualClock clock;
  conf::Settings settings;
  FakeRecords records{clock};
  DecisionFeed decisions{clock};
  ControlStatus status;
  Result<std::vector<std::string>> reloaded;
  FakeBoard board;
  LastFirewallReport firewall;
  Tops tops{clock, "mx1", {}, &board};
  ControlOperations operations{{.records = records,
                                .clock = clock,
                                .settings = settings,
                                .decisions = decisions,
                                .tops = tops,
                                .firewall = firewall,
                                .status = [this] { return status; },
                                .reload = [this] { return reloaded; },
                                .explain = {},
                                .take_events =
                                    [this](policy::EventBatch batch, const ControlOperations::LogLines& lines,
                                           const policy::EventEffects::Done& done) {
                                      log_lines = lines;
                                      batches.push_back(std::move(batch));
                                      done(taken);
                                    },
                                .users = [this] { return users; }}};
  std::vector<policy::EventBatch> batches;
  ControlOperations::LogLines log_lines;
  Result<void> taken;
  ControlUsers users;
};

}  // namespace mxwarden::server
