#pragma once
// The operations of the control socket with records in memory that survive when the test says so, and a clock that it
// moves.

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "server/control_operations.hpp"
#include "store/record_book.hpp"

namespace mxwarden::server {

class FakeRecords final : public store::Records {
 public:
  explicit FakeRecords(const Clock& clock) : clock_(clock), book_(clock.now(), clock.wall_now()) {}

  void put(store::Record record, Done done) override {
    if (!error.empty()) return finish(std::move(done), Error{error});
    book_.put(std::move(record), clock_.now());
    finish(std::move(done), {});
  }
  void erase(store::RecordKind kind, const Prefix& net, Done done) override {
    book_.erase(kind, net);
    finish(std::move(done), error.empty() ? Result<void>() : Error{error});
  }
  void tick() override { book_.tick(clock_.now(), clock_.wall_now()); }
  const store::RecordBook& book() const override { return book_; }
  store::RecordBook& book() override { return book_; }
  bool current() const override { return is_current; }

  void finish_one() {
    const auto next = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    next();
  }
  std::size_t waiting() const { return waiting_.size(); }

  std::string error;  // empty: all goes well
  bool finishes_later = false;
  bool is_current = true;

 private:
  void finish(Done done, Result<void> result) {
    if (!finishes_later) return done(std::move(result));
    waiting_.push_back([done = std::move(done), result = std::move(result)] { done(result); });
  }

  const Clock& clock_;
  store::RecordBook book_;
  std::vector<std::function<void()>> waiting_;
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
  std::string answer(std::string_view request, bool first = false) {
    std::string line;
    operations.answer(request, {.uid = 0}, first, [&](std::string text) { line = std::move(text); });
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
  ControlStatus status;
  Result<void> reloaded;
  ControlOperations operations{{.records = records,
                                .clock = clock,
                                .settings = settings,
                                .status = [this] { return status; },
                                .reload = [this] { return reloaded; }}};
};

}  // namespace mxwarden::server
