#include "policy/explanation.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "conf/settings.hpp"
#include "policy/pipeline.hpp"
#include "store/embedded_store.hpp"
#include "support/memory_records.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;
using Says = ExplainedRule::Says;

constexpr std::string_view settings_text = R"(
[client]
trusted = 192.0.2.9
[client_conn]
limit = 3
[client_rate]
window = 10s 60s
limit = 3 9
[greet_pause]
mode = enforce
[message_recipients]
limit = 2
[relay_grant]
mode = enforce
[listing]
mode = enforce
[bad_recipient]
distinct = 1
share = 20%
forget = 1m
rate = 2/40s
confirm = 30s
[bad_recipient_throttle]
mode = enforce
after = 1
[limit watched]
key = client_address
stage = RCPT
count = recipients
window = 20s
limit = 4
mode = monitor
[limit letters]
key = sender
stage = MAIL
count = messages
window = 7s 1m
limit = 2 5
[limit volume]
key = client_address + sender.domain
stage = END-OF-MESSAGE
count = bytes
window = 30s
limit = 100000
action = 452 4.3.1 Too much, {client}
[limit spray]
key = sender
stage = RCPT
count = distinct recipients
window = 25s
limit = 3
action = DEFER later
[limit roaming]
key = sasl_username
stage = RCPT
count = distinct clients
window = 30s
limit = 2
when = logged in
[limit silent]
key = client_address
stage = RCPT
count = recipients
window = 15s
limit = 2
action = DUNNO
[limit last]
key = recipient
stage = RCPT
count = messages
window = 10s
limit = 3
)";

constexpr std::string_view access_text =
    "Connect:192.0.2.2 OK\n"
    "Connect:192.0.2.3 REJECT not you\n"
    "ClientRate:192.0.2.4 1\n"
    "ClientRate:192.0.2.5 0\n"
    "ClientConn:192.0.2.4 1\n"
    "MaxRcpt:192.0.2.4 1\n";

// A client's connections as the requests themselves show them.
class Counter final : public ConnectionCounter {
 public:
  std::uint32_t count(const Request& request, const View& view, std::uint64_t limit, Instant now) override {
    return connections.ask(request, view, limit != 0, now);
  }
  std::uint32_t preview(const Request& request, const View& view, Instant now) override {
    return connections.preview(request, view, now);
  }
  void closed(const View& view) override { connections.closed(view); }

  Connections connections{Connections::Options{}};
};

// All clients are patient: of others it is not to be foreseen.
class Sockets final : public ClientSockets {
 public:
  ClientSocket look(const Request&, const View&) override { return ClientSocket::silent; }
};

using Attributes = std::vector<std::pair<Attribute, std::string>>;

// A node, as far as it has no sockets.
class World {
 public:
  World() {
    conf::Report report;
    const auto settings = conf::parse_settings(settings_text, "test", {}, report);
    auto access = std::make_shared<conf::AccessTable>(conf::AccessTable::parse(access_text, "access", report));
    for (const auto& fault : report.faults) FAIL(fault.to_string());
    engine_ = std::make_shared<const Engine>(settings, std::move(access));
    recipients.configure(settings);
    pipeline_.emplace(
        store_, tracker_, engine_,
        Pipeline::Options{
            .connections = &counter, .sockets = &sockets_, .records = &records, .recipients = &recipients});
  }

  // `session`: one policy connection for each, so that it is known which is over.
  Decision ask(const Attributes& attributes, const std::string& session) {
    auto& inquiry = inquiries_[session];
    fill(inquiry.request, attributes);
    std::optional<Decision> decision;
    pipeline_->ask(inquiry, clock.now(), 500ms, [&](Decision made) { decision = std::move(made); });
    pipeline_->flush();
    REQUIRE(decision);
    held = {};
    while (decision->hold) {
      held += decision->hold->length;
      decision = pipeline_->resume(inquiry, held);
    }
    return *decision;
  }
  Explained explain(const Attributes& attributes) {
    Explanation explanation;
    fill(explanation.request, attributes);
    std::optional<Explained> result;
    pipeline_->explain(explanation, clock.now(), 500ms, [&](const Explained& explained) { result = explained; });
    pipeline_->flush();
    REQUIRE(result);
    return *result;
  }
  void tick() {
    store_.tick(clock.now());
    tracker_.tick(clock.now());
    records.tick();
    recipients.tick(clock.now(), clock.wall_now());
  }

  Duration held{};  // the answer that was given last
  ManualClock clock;
  tests::MemoryRecords records{clock};
  Counter counter;
  RecipientWatch recipients{{},
                            [](log::Level, const std::string&) {},
                            [](const EventBatch&, Instant, const EventEffects::Done& done) { done({}); }};

 private:
  static void fill(Request& request, const Attributes& attributes) {
    request = {};
    for (const auto& [attribute, value] : attributes) request[attribute] = value;
    request.state = parse_protocol_state(request[Attribute::protocol_state]);
  }

  Sockets sockets_;
  Tracker tracker_{Tracker::Options{.max_sessions = 20}};
  store::EmbeddedStore store_{store::EmbeddedStore::Options{.max_entries = 10'000}};
  std::shared_ptr<const Engine> engine_;
  std::optional<Pipeline> pipeline_;
  std::map<std::string, Inquiry> inquiries_;
};

std::string text_of(const Verdict& verdict) {
  auto text =
      fmt::format("{} {} {}", verdict.rule, verdict.mode == conf::Mode::monitor ? "watches" : "", verdict.action);
  if (verdict.cause) {
    text += fmt::format(" {}/{} {} {}", verdict.cause->count, verdict.cause->limit,
                        verdict.cause->window.value_or(Duration(-1)).count(), verdict.cause->retry_after.count());
  }
  if (verdict.record) text += " " + verdict.record->net.to_string();
  return text;
}

std::string text_of(const Decision& decision) {
  auto text = decision.action + (decision.verdict ? " by " + text_of(*decision.verdict) : "");
  for (const auto& remark : decision.remarks) text += "; " + text_of(remark);
  return text + " " + std::string(decision.store) + decision.failure;
}

std::string text_of(const Explained& explained) {
  auto text = text_of(explained.decision);
  for (const auto& rule : explained.rules) {
    text += fmt::format("\n{} {} {}{}", rule.name, static_cast<int>(rule.says), rule.why, rule.behind ? " behind" : "");
    if (rule.verdict) text += ": " + text_of(*rule.verdict);
    for (const auto& [count, answer] : rule.counts) {
      text += fmt::format("; {} {} {} {} {} {} {}", count.entity, count.member, count.n, answer.count, answer.window,
                          answer.recorded, answer.retry_after.count());
    }
    if (rule.access != nullptr) text += fmt::format(" line {}", rule.access->line);
  }
  return text;
}

const ExplainedRule& rule_of(const Explained& explained, std::string_view name) {
  const auto found = std::ranges::find(explained.rules, name, &ExplainedRule::name);
  REQUIRE(found != explained.rules.end());
  return *found;
}

// Sessions that come and go at random, each of which goes through what smtpd asks.
class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : random_(seed) {}

  struct Asked {
    Attributes attributes;
    std::string session;
  };
  Asked next() {
    auto& session = sessions_[random_() % sessions_.size()];
    if (session.client.empty() || random_() % 12 == 0) session = begin();
    const auto asked_of = std::exchange(session.asked_of, "");
    const bool is_behind = exists(asked_of) && random_() % 1000 != 0;
    if (!is_behind) advance(session);
    const bool at_rcpt = session.state == "RCPT";
    const auto size = std::to_string(random_() % 60'000);
    const auto number = random_() % 2 == 0 ? random_() % 50 : random_() % 5;
    const auto recipient = is_behind ? asked_of : fmt::format("r{}@here.example", number);
    const bool is_relay = !is_behind && at_rcpt && random_() % 8 == 0;
    const auto* context = is_behind ? "post" : is_relay ? "relay" : "pre";
    if (at_rcpt && !is_behind && !is_relay) session.asked_of = recipient;
    return {{{Attribute::protocol_state, session.state},
             {Attribute::client_address, session.client},
             {Attribute::client_port, session.port},
             {Attribute::server_address, "192.0.2.25"},
             {Attribute::server_port, "25"},
             {Attribute::instance, session.state == "CONNECT" ? "" : "a1.65.1." + std::to_string(session.message)},
             {Attribute::sender, session.sender},
             {Attribute::recipient, at_rcpt ? recipient : ""},
             {Attribute::recipient_count, std::to_string(random_() % 3)},
             {Attribute::size, size},
             {Attribute::queue_id, session.state == "END-OF-MESSAGE" ? "4c" + std::to_string(session.message) : ""},
             {Attribute::sasl_username, session.login},
             {Attribute::policy_context, context}},
            session.client + " " + session.port};
  }
  std::uint64_t below(std::uint64_t most) { return random_() % most; }

 private:
  struct Session {
    std::string client;
    std::string port;
    std::string login;
    std::string sender;
    std::string state;
    std::string asked_of;  // the recipient
    int message = 0;
  };

  // Five of half a hundred do.
  static bool exists(const std::string& recipient) { return recipient.size() == 15 && recipient[1] < '5'; }

  Session begin() {
    Session session;
    const auto number = random_() % 11;
    session.client = number == 10 ? "unknown" : number == 7 ? "2001:db8::7" : fmt::format("192.0.2.{}", number);
    session.port = std::to_string(1000 + random_() % 30);
    if (random_() % 5 == 0) session.login = fmt::format("login{}", random_() % 2);
    return session;
  }

  void advance(Session& session) {
    if (session.state.empty()) {
      session.state = "CONNECT";
    } else if (session.state == "CONNECT" || session.state == "END-OF-MESSAGE") {
      if (session.state != "CONNECT") ++session.message;
      session.state = "MAIL";
      session.sender = fmt::format("s{}@there.example", random_() % 4);
    } else if (session.state == "MAIL" || (session.state == "RCPT" && random_() % 3 != 0)) {
      session.state = "RCPT";
    } else {
      session.state = "END-OF-MESSAGE";
    }
  }

  std::mt19937_64 random_;
  std::vector<Session> sessions_{12};
};

// Bans, listings and grants come and go, time passes, the kernel's table is looked at: in both alike.
void change(Traffic& traffic, World& world, World& twin) {
  const auto net = Prefix::parse(fmt::format("192.0.2.{}", traffic.below(10))).value();
  const auto what = traffic.below(12);
  const auto length = 1s * static_cast<std::int64_t>(1 + traffic.below(20));
  const auto step = 1ms * static_cast<std::int64_t>(traffic.below(traffic.below(10) == 0 ? 20'000 : 900));
  for (auto* one : {&world, &twin}) {
    store::Record record{.net = net, .until = one->clock.wall_now() + length, .what = {}};
    if (what < 2) record.what.emplace<store::Ban>().rule = what == 0 ? "operator" : "client_rate";
    if (what == 2) record.what.emplace<store::Listing>().list = "dnsbl.example";
    if (what == 3) record.what.emplace<store::Grant>();
    if (what < 4) one->records.put(record, [](const Result<void>&) {});
    one->clock.advance(step);
    if (what < 8) one->counter.connections.look({}, one->clock.now());
    one->tick();
  }
}

}  // namespace

TEST_CASE("20,000 random requests are answered as was explained before, and as if it never had been") {
  const char* chosen = std::getenv("MXWARDEN_SEED");
  const std::uint64_t seed = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 20'240'229;
  CAPTURE(seed);
  Traffic traffic(seed);
  World world;
  World twin;
  std::map<std::string, int> deciders;
  int held = 0;
  for (int i = 0; i < 20'000; ++i) {
    CAPTURE(i);
    const auto asked = traffic.next();
    const auto explained = world.explain(asked.attributes);
    REQUIRE(text_of(world.explain(asked.attributes)) == text_of(explained));
    const auto decision = world.ask(asked.attributes, asked.session);
    REQUIRE(text_of(explained.decision) == text_of(decision));
    REQUIRE(explained.held == world.held);
    held += world.held > Duration::zero() ? 1 : 0;
    REQUIRE(text_of(twin.ask(asked.attributes, asked.session)) == text_of(decision));
    ++deciders[decision.verdict ? std::string(decision.verdict->rule) : "nobody"];
    for (const auto& rule : explained.rules) {
      const bool decides = decision.verdict && decision.verdict->rule == rule.name;
      REQUIRE((rule.says == Says::answers) == decides);
      if (decides) REQUIRE(text_of(*rule.verdict) == text_of(*decision.verdict));
      if (rule.says == Says::passes) REQUIRE_FALSE(rule.why.empty());
    }
    if (traffic.below(3) == 0) change(traffic, world, twin);
  }
  CHECK(held > 5);
  for (const std::string rule :
       {"nobody", "operator_ban", "connect", "ban", "listing", "client_conn", "client_rate", "message_recipients",
        "letters", "volume", "spray", "roaming", "last", "relay_grant", "bad_recipient"}) {
    CAPTURE(rule);
    CHECK(deciders[rule] > 5);
  }
}

TEST_CASE("what would be counted is told, with what stops it") {
  World world;
  world.counter.connections.look({}, world.clock.now());
  const auto request = [](std::string state, std::string port) {
    return Attributes{{Attribute::protocol_state, std::move(state)},
                      {Attribute::client_address, "192.0.2.1"},
                      {Attribute::client_port, std::move(port)},
                      {Attribute::server_address, "192.0.2.25"},
                      {Attribute::server_port, "25"},
                      {Attribute::sender, "s@there.example"},
                      {Attribute::recipient, "r@here.example"}};
  };
  const auto first = world.explain(request("RCPT", "1"));
  CHECK(first.decision.action == "DUNNO");
  CHECK(rule_of(first, "relay_grant").says == Says::not_asked);
  CHECK(rule_of(first, "ban").says == Says::passes);
  CHECK(rule_of(first, "ban").why == "no ban");
  CHECK(rule_of(first, "volume").why == "it counts at another protocol_state");
  const auto& rate = rule_of(first, "client_rate");
  CHECK(rate.says == Says::counts);
  REQUIRE(rate.counts.size() == 1);
  CHECK(rate.counts[0].count.entity == "client:192.0.2.1");
  CHECK(rate.counts[0].answer.count == 1);
  CHECK(rate.counts[0].answer.recorded);

  for (const auto* port : {"1", "2", "3"}) world.ask(request("RCPT", port), port);
  CHECK(rule_of(world.explain(request("RCPT", "1")), "client_rate").why == "counted already in this connection");
  const auto fourth = world.explain(request("RCPT", "4"));
  REQUIRE(fourth.decision.verdict);
  CHECK(fourth.decision.verdict->rule == "client_conn");
  CHECK(rule_of(fourth, "client_conn").says == Says::answers);
  const auto& behind = rule_of(fourth, "client_rate");
  CHECK(behind.says == Says::would_answer);
  CHECK(behind.behind);
  CHECK_FALSE(behind.counts[0].answer.recorded);
  CHECK(behind.verdict->cause->count == 4);

  // What another rule settles is not asked, so that nothing of it would be counted.
  world.records.put({.net = Prefix::parse("192.0.2.1").value(),
                     .until = world.clock.wall_now() + 1h,
                     .what = store::Ban{.rule = "operator", .reason = "x"}},
                    [](const Result<void>&) {});
  const auto banned = world.explain(request("RCPT", "5"));
  CHECK(rule_of(banned, "operator_ban").says == Says::answers);
  CHECK(rule_of(banned, "operator_ban").verdict->record->net.to_string() == "192.0.2.1");
  const auto& spared = rule_of(banned, "last");
  CHECK(spared.says == Says::not_asked);
  CHECK(spared.behind);
  REQUIRE(spared.counts.size() == 1);
  CHECK_FALSE(spared.counts[0].answer.recorded);
  CHECK(spared.counts[0].answer.count == 4);
}

TEST_CASE("the entries of the access table that rules go by are named") {
  World world;
  const auto explain = [&](std::string client) {
    return world.explain({{Attribute::protocol_state, "CONNECT"}, {Attribute::client_address, std::move(client)}});
  };
  const auto limited = explain("192.0.2.4");
  REQUIRE(rule_of(limited, "client_rate").access != nullptr);
  CHECK(rule_of(limited, "client_rate").access->line == 3);
  CHECK(rule_of(limited, "client_rate").counts[0].count.windows[0].limit == 1);
  CHECK(rule_of(limited, "connect").access == nullptr);
  const auto exempt = explain("192.0.2.2");
  CHECK(rule_of(exempt, "connect").access->line == 1);
  CHECK(rule_of(exempt, "client_rate").why == "a Connect entry says OK");
  const auto refused = explain("192.0.2.3");
  CHECK(refused.decision.action == "REJECT not you [mxw:connect]");
  CHECK(rule_of(refused, "connect").says == Says::answers);
  CHECK(rule_of(explain("192.0.2.5"), "client_rate").why == "there is no limit");
  CHECK(rule_of(explain("192.0.2.9"), "client_rate").why == "the client is trusted");
  CHECK(rule_of(explain("unknown"), "client_rate").why == "the request lacks what the key is made of");
}

}  // namespace mxwarden::policy
