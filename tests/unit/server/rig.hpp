#pragma once
// Policy sessions on socket pairs, with a store that answers when the test says so and a clock that it moves.

#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "server/sessions.hpp"
#include "unit/server/wire.hpp"

namespace mxwarden::server {

class FakeStore final : public store::Store {
 public:
  void execute(const store::Batch& batch, Instant, store::Completion completion) override {
    ++asked;
    if (throws) throw std::bad_alloc();
    waiting_.push_back([size = batch.counts.size(), completion = std::move(completion)] {
      const std::vector<store::CountAnswer> answers(size);
      completion(answers);
    });
  }
  void flush() override {
    while (!answers_later && !waiting_.empty()) answer_one();
  }
  void tick(Instant) override {}
  std::string_view name() const override { return "fake"; }

  void answer_one() {
    const auto answer = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    answer();
  }

  int asked = 0;
  bool answers_later = false;
  bool throws = false;

 private:
  std::vector<std::function<void()>> waiting_;
};

struct Rig {
  Rig() {
    // What the decision log says is tested where it is made.
    static const bool silent = log::start("unit_server", "file:/dev/null", log::Level::error).has_value();
    REQUIRE(silent);
  }

  // Says `REJECT <sender>`, so that a reply names its question; nothing for an empty sender. A sender `hold@...` is
  // first held for a millisecond, `long@...` for an hour.
  static policy::Rule echo_rule() {
    policy::Rule rule;
    rule.name = "echo";
    rule.plan = [](const policy::Question&, store::Counts& counts) {
      auto& count = counts.add();
      count.entity = "client:192.0.2.7";
      count.counter = "echo";
      count.windows = {{std::chrono::seconds(60), 0}};
      return policy::Step::judge;
    };
    rule.judge = [](const policy::Question& question, store::Answers) -> policy::Rule::Judgement {
      const auto sender = (*question.request)[Attribute::sender];
      if (sender.empty()) return std::monostate{};
      if (sender.starts_with("hold@") && question.held == Duration::zero()) {
        return policy::Hold{std::chrono::milliseconds(1)};
      }
      if (sender.starts_with("long@") && question.held == Duration::zero()) return policy::Hold{std::chrono::hours(1)};
      policy::Verdict verdict;
      verdict.rule = "echo";
      verdict.action = "REJECT " + std::string(sender);
      verdict.refuses = true;
      return verdict;
    };
    return rule;
  }

  static std::shared_ptr<const policy::Engine> make_engine() {
    std::vector<policy::Rule> rules;
    rules.push_back(echo_rule());
    return std::make_shared<const policy::Engine>(std::move(rules), conf::Settings::Client{},
                                                  std::make_shared<const conf::AccessTable>());
  }

  static std::string question(std::string_view sender) {
    return "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.7\nsender=" + std::string(sender) +
           "\n\n";
  }
  static std::string reply(std::string_view sender) { return "action=REJECT " + std::string(sender) + "\n\n"; }

  Wire connect() {
    auto [wire, socket] = connected_pair();
    sessions.open(std::move(socket), {"test", false, 4711});
    return std::move(wire);
  }
  // What is ready runs; timers that are not due do not.
  void poll() {
    context.restart();
    context.poll();
  }
  // Until something happens.
  void run_one() {
    context.restart();
    context.run_one();
  }
  std::string metrics() const { return recorder.metrics().to_text({}); }

  boost::asio::io_context context{1};
  ManualClock clock;
  FakeStore store;
  policy::Tracker tracker{policy::Tracker::Options{}};
  policy::Pipeline pipeline{store, tracker, make_engine()};
  Recorder recorder;
  Sessions sessions{context, pipeline, clock, recorder, Sessions::Options{.max_connections = 3}};
};

}  // namespace mxwarden::server
