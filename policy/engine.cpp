#include "policy/engine.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "policy/bad_recipient.hpp"
#include "policy/bad_recipient_rule.hpp"
#include "policy/bad_recipient_throttle_rule.hpp"
#include "policy/ban_rules.hpp"
#include "policy/client_conn_rule.hpp"
#include "policy/connect_rule.hpp"
#include "policy/good_record_rule.hpp"
#include "policy/greet_pause_rule.hpp"
#include "policy/identity.hpp"
#include "policy/limit_rule.hpp"
#include "policy/listing_rule.hpp"
#include "policy/login_sender_rule.hpp"
#include "policy/mail_bomb_rule.hpp"
#include "policy/relay_grant_rule.hpp"

namespace mxwarden::policy {
namespace {

// The order in which rules speak. Later ones have their place in it: operator's ban, Connect entry, ban, listing,
// client_conn, client_rate, greet_pause, message_recipients (which needs no store, and what it refuses no later limit
// is to count), those of logins, the limits in the order of the file, the rest. relay_grant is by itself, in context
// `relay`.
std::vector<Rule> make_rules(const conf::Settings& settings) {
  std::vector<Rule> rules;
  const auto add_limit = [&](const conf::Limit& limit, std::optional<conf::AccessTag> tag) {
    if (limit.mode != conf::Mode::off) rules.push_back(make_limit_rule(limit, settings.client, tag));
  };
  if (settings.relay_grant.mode != conf::Mode::off) rules.push_back(make_relay_grant_rule(settings.relay_grant));
  rules.push_back(make_operator_ban_rule());
  rules.push_back(make_connect_rule());
  rules.push_back(make_ban_rule());
  if (settings.listing.mode != conf::Mode::off) rules.push_back(make_listing_rule(settings.listing));
  if (settings.client_conn.mode != conf::Mode::off) rules.push_back(make_client_conn_rule(settings.client_conn));
  add_limit(settings.client_rate, conf::AccessTag::client_rate);
  if (settings.greet_pause.mode != conf::Mode::off) rules.push_back(make_greet_pause_rule(settings));
  add_limit(settings.message_recipients, conf::AccessTag::max_rcpt);
  add_limit(settings.login_rate, conf::AccessTag::login_rate);
  add_limit(settings.login_messages, std::nullopt);
  if (settings.login_sender.mode != conf::Mode::off) {
    rules.push_back(make_login_sender_rule(settings.login_sender, settings.client, settings.login_senders.listed));
  }
  for (const auto& limit : settings.limits) add_limit(limit, std::nullopt);
  const auto& throttle = settings.bad_recipient_throttle;
  if (throttle.mode != conf::Mode::off) rules.push_back(make_bad_recipient_throttle_rule(throttle));
  const auto& bad_recipient = settings.bad_recipient;
  if (bad_recipient.mode != conf::Mode::off && bad_recipient.source == conf::BadRecipientSource::questions) {
    rules.push_back(make_bad_recipient_rule(bad_recipient));
  }
  if (settings.mail_bomb.mode != conf::Mode::off) rules.push_back(make_mail_bomb_rule(settings.mail_bomb));
  if (settings.client.good_record.count > 0) rules.push_back(make_good_record_rule(settings.client.good_record));
  return rules;
}

RuleMask& counted_by(Settled& settled, store::Grain grain) {
  switch (grain) {
    case store::Grain::connection:
      return settled.connection_counted_by;
    case store::Grain::message:
      return settled.message_counted_by;
    case store::Grain::recipient:
      return settled.recipient_counted_by;
  }
  std::abort();
}

// What a count is of stands, and it need not be asked about again. A gauge is recorded whatever comes of it; it stands
// as others do, unless something as coarse refuses.
bool stands(const store::Count& count, const Plan& plan) {
  if (!count.gauge) return true;
  for (std::size_t at = 0; at < plan.answers.size(); ++at) {
    const auto& other = plan.batch.counts[at];
    if (plan.answers[at].over && other.binding && other.grain <= count.grain) return false;
  }
  return true;
}

}  // namespace

// There only a relay grant speaks: any other permission or refusal would be one rule's answer in another's place.
bool Engine::is_relay(const Request& request) {
  return request[Attribute::policy_context] == "relay";
}

// Else it is a remark.
bool Engine::is_final(const Verdict& verdict) {
  return verdict.mode != conf::Mode::monitor && verdict.action != "DUNNO";
}

Engine::Engine(const conf::Settings& settings, const std::shared_ptr<const conf::AccessTable>& access)
    : Engine(make_rules(settings), settings.client, access) {}

Engine::Engine(std::vector<Rule> rules, const conf::Settings::Client& client,
               std::shared_ptr<const conf::AccessTable> access)
    : rules_(std::move(rules)), client_(client), access_(std::move(access)) {
  std::size_t counting = 0;
  for (const auto& rule : rules_) {
    if (rule.counts && counting == most_counting_rules) {
      throw std::logic_error("more rules that count than a RuleMask has bits");
    }
    bits_.push_back(rule.counts ? RuleMask{1} << counting++ : 0);
    if (rule.name == listing_name) listing_bit_ = bits_.back();
    awaits_post_ = awaits_post_ || rule.name == bad_recipient_name || rule.name == bad_recipient_throttle_name;
  }
  while (by_connections_ < rules_.size() && !rules_[by_connections_].limits_connections) ++by_connections_;
  counts_messages_ = !rules_.empty() && rules_.back().name == good_record_name;
  counts_deliveries_ = std::ranges::any_of(rules_, [](const Rule& rule) { return rule.deliver != nullptr; });
}

void Engine::put(const Request& request, const View& view, const store::Records* records, Instant now,
                 Plan& plan) const {
  auto& question = plan.question;
  question.request = &request;
  question.view = &view;
  question.client.clear();
  question.trusted = false;
  question.held = {};
  question.socket = {};
  question.spared = nullptr;
  const Address* address = nullptr;
  if (view.client) {
    address = &*view.client;
    append_client_entity(question.client, *address, client_.ipv4_prefix, client_.ipv6_prefix);
    question.trusted =
        std::ranges::any_of(client_.trusted, [&](const Prefix& prefix) { return prefix.contains(*address); });
  }
  question.access = access_->match(address, request[Attribute::client_name], request[Attribute::sasl_username]);
  question.known = records != nullptr && address != nullptr ? look_up(*records, *address, now) : Known{};
}

bool Engine::counts_connections() const {
  return by_connections_ < rules_.size();
}

std::uint64_t Engine::connection_limit(Plan& plan) const {
  if (!counts_connections() || is_relay(*plan.question.request)) return 0;
  plan.question.bit = bit_of(by_connections_);
  return rules_[by_connections_].limits_connections(plan.question);
}

// Flattened: what it does for each rule of each request is no call of its own.
[[gnu::flatten]] void Engine::plan(Instant now, Plan& plan) const {
  plan.batch.now = now;
  plan.batch.counts.clear();
  plan.asked.clear();
  const bool relay = is_relay(*plan.question.request);
  for (std::size_t at = 0; at < rules_.size(); ++at) {
    if (rules_[at].for_relay != relay) continue;
    if (ask(at, plan).kind == Step::settled) return;
  }
}

Step Engine::ask(std::size_t rule, Plan& plan) const {
  plan.question.bit = bit_of(rule);
  const auto begin = plan.batch.counts.size();
  const auto step = rules_[rule].plan(plan.question, plan.batch.counts);
  if (step.kind != Step::pass) {
    plan.asked.push_back({static_cast<std::uint32_t>(rule), static_cast<std::uint32_t>(begin),
                          static_cast<std::uint32_t>(plan.batch.counts.size())});
  }
  return step;
}

Decision Engine::decide(Plan& plan) const {
  Decision decision;
  for (const auto& asked : plan.asked) {
    plan.question.bit = bit_of(asked.rule);
    const store::Answers answers(plan.answers);
    auto judgement = rules_[asked.rule].judge(plan.question, answers.subspan(asked.begin, asked.end - asked.begin));
    if (const auto* hold = std::get_if<Hold>(&judgement)) {
      decision.hold = *hold;
      return decision;
    }
    auto* verdict = std::get_if<Verdict>(&judgement);
    if (verdict == nullptr) continue;
    spare(*verdict, plan.question);
    if (!is_final(*verdict)) {
      decision.remarks.push_back(std::move(*verdict));
      continue;
    }
    decision.action = verdict->action;
    decision.verdict = std::move(*verdict);
    return decision;
  }
  return decision;
}

std::uint64_t Engine::good_messages(const Plan& plan) const {
  if (!counts_messages_ || !plan.answered || plan.asked.empty() || plan.asked.back().rule + 1 != rules_.size())
    return 0;
  return plan.answers[plan.asked.back().begin].count;
}

void Engine::deliver(const Plan& plan, std::span<const std::string_view> recipients, store::Counts& counts) const {
  for (const auto& rule : rules_) {
    if (rule.deliver) rule.deliver(plan.question, recipients, counts);
  }
}

Settled Engine::settle(const Plan& plan, const Decision& decision) const {
  Settled settled;
  const bool refused = decision.verdict && decision.verdict->refuses;
  if (!is_relay(*plan.question.request)) {
    settled.let_pass = !refused;
    // After any other answer Postfix may not come to the next restriction.
    if (awaits_post_ && is_before_lookup(*plan.question.request) && decision.action == "DUNNO") {
      settled.awaits_post = (*plan.question.request)[Attribute::recipient];
    }
    // A session that began before its client was listed is none of its attempts: it may be what has listed it.
    if (plan.question.known.listing == nullptr) settled.connection_counted_by |= listing_bit_;
  }
  // By the rule that has settled it, which was the last to be asked.
  if (decision.verdict && decision.verdict->attempt) settled.connection_counted_by |= bit_of(plan.asked.back().rule);
  for (const auto& asked : plan.asked) {
    if (rules_[asked.rule].deliver) settled.recipient = (*plan.question.request)[Attribute::recipient];
    for (auto at = asked.begin; at < asked.end; ++at) {
      const auto& count = plan.batch.counts[at];
      const auto& answer = plan.answers[at];
      if (!stands(count, plan)) continue;
      // In monitor mode, what is over passes unrecorded, as it would have been refused.
      if (!answer.recorded && !(answer.over && !count.binding && !refused)) continue;
      counted_by(settled, count.grain) |= bit_of(asked.rule);
    }
  }
  return settled;
}

}  // namespace mxwarden::policy
