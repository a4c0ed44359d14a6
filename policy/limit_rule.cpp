#include "policy/limit_rule.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "policy/identity.hpp"
#include "policy/when.hpp"

namespace mxwarden::policy {
namespace {

using conf::Counted;
using store::Grain;

constexpr std::string_view nothing_to_count = "the request names nothing to count: its size or recipient_count is 0";
constexpr std::string_view lacks_key = "the request lacks what the key is made of";

bool is_of_recipient(const conf::Key& key) {
  return std::ranges::any_of(key.parts, [](const auto& part) { return part.attribute == Attribute::recipient; });
}

// What a limit counts once of: a connection, a message, or, at RCPT, a recipient of one.
Grain grain_of(const conf::Limit& limit) {
  const auto at_rcpt = limit.stage == ProtocolState::rcpt;
  switch (limit.counted) {
    case Counted::connections:
      return Grain::connection;
    case Counted::recipients:
    case Counted::distinct_recipients:
      return at_rcpt ? Grain::recipient : Grain::message;
    case Counted::messages:
    case Counted::bytes:
    case Counted::distinct_clients:
      if (limit.stage == ProtocolState::connect) return Grain::connection;
      return at_rcpt && is_of_recipient(limit.key) ? Grain::recipient : Grain::message;
  }
  std::abort();
}

void append_address(std::string& to, const conf::KeyPart& part, const Address& address,
                    const conf::Settings::Client& client) {
  if (part.form == conf::KeyPart::Form::prefix) {
    append_masked(to, address, part.ipv4_prefix != 0 ? part.ipv4_prefix : client.ipv4_prefix,
                  part.ipv6_prefix != 0 ? part.ipv6_prefix : client.ipv6_prefix);
  } else if (part.attribute == Attribute::server_address) {
    address.append_to(to);
  } else {
    append_masked(to, address, client.ipv4_prefix, client.ipv6_prefix);
  }
}

// An attribute in the form it is counted by; nothing if there is none.
void append_key_value(std::string& to, const conf::KeyPart& part, const Question& question,
                      const conf::Settings::Client& client) {
  const auto& request = *question.request;
  const auto value = request[part.attribute];
  switch (part.attribute) {
    case Attribute::client_address:
      if (question.view->client) append_address(to, part, *question.view->client, client);
      return;
    case Attribute::server_address: {
      const auto address = Address::parse(value);
      if (address) append_address(to, part, *address, client);
      return;
    }
    case Attribute::client_name:
    case Attribute::reverse_client_name:
      if (value != "unknown") append_canonical_domain(to, value);
      return;
    case Attribute::helo_name:
      return append_canonical_domain(to, value);
    case Attribute::sender:
    case Attribute::recipient:
    case Attribute::sasl_username:
    case Attribute::sasl_sender: {
      if (part.form == conf::KeyPart::Form::domain) return append_domain_of(to, value);
      if (value.empty() && part.attribute == Attribute::sender) to += "<>";
      // Who is not logged in writes to mailboxes of ours. A login is one however it is typed: where its case does not
      // matter to who checks the password, another spelling must not be another count.
      const bool folds = part.attribute == Attribute::sasl_username ||
                         (part.attribute == Attribute::recipient && !request.logged_in());
      return append_canonical_address(to, value, folds ? LocalPart::lower_case : LocalPart::as_written);
    }
    default:
      to += value;
  }
}

class LimitRule {
 public:
  LimitRule(const conf::Limit& limit, const conf::Settings::Client& client, std::optional<conf::AccessTag> override_tag)
      : limit_(limit),
        client_(client),
        override_tag_(override_tag),
        grain_(grain_of(limit)),
        by_client_(is_client_key(limit.key)),
        about_client_(limit.key.about_client()),
        login_is_key_(limit.key.asks_for_login()),
        asks_for_login_(limit.when.asks_for_login() || login_is_key_),
        entity_prefix_(limit.key.text + ":") {
    for (const auto& window : limit.windows) windows_.push_back({window.length, window.limit});
    unlimited_ = std::ranges::all_of(windows_, [](const auto& w) { return w.limit == store::Window::no_limit; });
  }

  Step plan(const Question& question, store::Counts& counts) const {
    if (const auto why = why_not(question); !why.empty()) return pass(why);
    if (limit_.per_message) return plan_for_message(question);
    const auto n = amount(question);
    if (n == 0) return pass(counted_before(question) ? why_counted() : nothing_to_count);
    const auto* entry = override_of(question);
    if (entry != nullptr ? unlimited(entry->numbers) : unlimited_) return pass(why::no_limit);
    auto& count = counts.add();
    if (!write_names(question, count)) {
      counts.remove_last();
      return pass(lacks_key);
    }
    count.counter = limit_.name;
    count.windows = windows_;
    if (entry != nullptr) replace_limits(entry->numbers, count.windows);
    count.n = n;
    count.grain = grain_;
    count.binding = binding();
    return Step::judge;
  }

  Rule::Judgement judge(const Question& question, store::Answers answers) const {
    if (limit_.per_message) return verdict(question, *message_over(question));
    const auto& answer = answers.front();
    if (!answer.over) return {};
    const auto limit = limit_for(question, answer.window);
    return verdict(question, {answer.count, limit, windows_[answer.window].length, answer.retry_after});
  }

 private:
  static bool is_client_key(const conf::Key& key) {
    return key.parts.size() == 1 && key.parts.front().attribute == Attribute::client_address &&
           key.parts.front().form == conf::KeyPart::Form::whole;
  }

  bool binding() const { return limit_.mode == conf::Mode::enforce && limit_.action.refuses(); }

  // The tracker has counted already: no store is asked, and what will be refused is not counted by later rules.
  Step plan_for_message(const Question& question) const {
    if (!message_over(question)) return pass(why_not_over(question));
    if (!has_key(question)) return pass(lacks_key);
    return binding() ? Step::settled : Step::judge;
  }

  std::string_view why_not_over(const Question& question) const {
    if (!question.view->new_recipient) return why::let_pass_already;
    return limit_for(question, 0) == store::Window::no_limit ? why::no_limit
                                                             : "the message has room for this recipient";
  }

  std::optional<Cause> message_over(const Question& question) const {
    if (!question.view->new_recipient) return std::nullopt;
    const std::uint64_t count = question.view->message_recipients + 1U;
    const auto limit = limit_for(question, 0);
    if (limit == store::Window::no_limit || count <= limit) return std::nullopt;
    return Cause{count, limit, Duration::zero(), Duration::zero()};
  }

  bool is_distinct() const {
    return limit_.counted == Counted::distinct_recipients || limit_.counted == Counted::distinct_clients;
  }

  // Why it does not concern the request; empty: it does.
  std::string_view why_not(const Question& question) const {
    const auto& request = *question.request;
    if (limit_.counted != Counted::connections && limit_.stage != ProtocolState::connect &&
        request.state != limit_.stage)
      return "it counts at another protocol_state";
    if (login_is_key_ && !request.logged_in()) return lacks_key;
    if (question.exempt()) return why::exempt;
    if (about_client_ && (question.trusted || (request.logged_in() && !asks_for_login_))) return question.why_ours();
    return holds(limit_.when, request) ? std::string_view() : why::left_out;
  }

  bool counted_before(const Question& question) const {
    const auto& view = *question.view;
    switch (grain_) {
      case Grain::connection:
        return (view.connection_counted_by & question.bit) != 0;
      case Grain::message:
        return (view.message_counted_by & question.bit) != 0;
      case Grain::recipient:
        return (view.recipient_counted_by & question.bit) != 0;
    }
    std::abort();
  }

  std::string_view why_counted() const {
    switch (grain_) {
      case Grain::connection:
        return why::counted_in_connection;
      case Grain::message:
        return "counted already in this message";
      case Grain::recipient:
        return "counted already for this recipient";
    }
    std::abort();
  }

  std::uint64_t amount(const Question& question) const {
    if (counted_before(question)) return 0;
    const auto& request = *question.request;
    if (limit_.counted == Counted::bytes) return to_number(request[Attribute::size]);
    if (limit_.counted == Counted::recipients && grain_ == Grain::message) {
      return to_number(request[Attribute::recipient_count]);
    }
    return 1;
  }

  bool has_key(const Question& question) const {
    std::string entity;
    return append_entity(question, entity);
  }

  // False if the request lacks a part of the key.
  bool append_entity(const Question& question, std::string& entity) const {
    if (by_client_) {
      entity += question.client;
      return !question.client.empty();
    }
    entity += entity_prefix_;
    for (const auto& part : limit_.key.parts) {
      // A line end is the one byte that no attribute can hold.
      if (entity.size() != entity_prefix_.size()) entity += '\n';
      const auto size = entity.size();
      append_key_value(entity, part, question, client_);
      if (entity.size() == size) return false;
    }
    return true;
  }

  // What is counted of whom; false if there is nobody.
  bool write_names(const Question& question, store::Count& count) const {
    if (!append_entity(question, count.entity)) return false;
    if (!is_distinct()) return true;
    if (limit_.counted == Counted::distinct_recipients) {
      append_canonical_address(count.member, (*question.request)[Attribute::recipient], LocalPart::lower_case);
    } else {
      count.member = question.client;
    }
    return !count.member.empty();
  }

  // The access entry that replaces the limits, or null.
  const conf::AccessEntry* override_of(const Question& question) const {
    const auto* entry = override_tag_ ? question.access[*override_tag_] : nullptr;
    return entry != nullptr && !entry->numbers.empty() ? entry : nullptr;
  }

  std::uint64_t limit_for(const Question& question, std::size_t window) const {
    const auto* entry = override_of(question);
    return entry != nullptr ? replaced_limit(entry->numbers, window) : windows_[window].limit;
  }

  std::uint64_t replaced_limit(const std::vector<std::uint64_t>& numbers, std::size_t window) const {
    if (window < numbers.size()) return numbers[window];
    return in_proportion(windows_[window].limit, numbers[0], windows_[0].limit);
  }

  void replace_limits(const std::vector<std::uint64_t>& numbers, store::Windows& windows) const {
    for (std::size_t at = 0; at < windows.size(); ++at) windows[at].limit = replaced_limit(numbers, at);
  }

  bool unlimited(const std::vector<std::uint64_t>& numbers) const {
    for (std::size_t at = 0; at < windows_.size(); ++at) {
      if (replaced_limit(numbers, at) != store::Window::no_limit) return false;
    }
    return true;
  }

  static std::uint64_t in_proportion(std::uint64_t limit, std::uint64_t replaced, std::uint64_t first) {
    if (first == store::Window::no_limit) return limit;
    constexpr auto largest = std::numeric_limits<std::uint32_t>::max();
    const auto scaled = static_cast<double>(limit) * static_cast<double>(replaced) / static_cast<double>(first);
    if (limit == store::Window::no_limit || replaced == store::Window::no_limit) return store::Window::no_limit;
    return static_cast<std::uint64_t>(std::clamp(scaled, 1.0, static_cast<double>(largest)));
  }

  Verdict verdict(const Question& question, const Cause& cause) const {
    auto verdict = make_verdict(limit_.name, limit_.mode, limit_.action, question);
    verdict.cause = cause;
    return verdict;
  }

  conf::Limit limit_;
  conf::Settings::Client client_;
  std::optional<conf::AccessTag> override_tag_;
  Grain grain_;
  bool by_client_;
  bool about_client_;
  bool login_is_key_;
  bool asks_for_login_;
  std::string entity_prefix_;
  store::Windows windows_;
  bool unlimited_;
};

}  // namespace

Rule make_limit_rule(const conf::Limit& limit, const conf::Settings::Client& client,
                     std::optional<conf::AccessTag> override_tag) {
  const auto row = std::make_shared<const LimitRule>(limit, client, override_tag);
  Rule rule;
  rule.name = limit.name;
  rule.mode = limit.mode;
  rule.counts = !limit.per_message;
  rule.access = override_tag;
  rule.plan = [row](const Question& question, store::Counts& counts) { return row->plan(question, counts); };
  rule.judge = [row](const Question& question, store::Answers answers) { return row->judge(question, answers); };
  return rule;
}

}  // namespace mxwarden::policy
