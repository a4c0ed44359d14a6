#include "policy/mail_bomb_rule.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "policy/identity.hpp"
#include "policy/when.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::string_view bytes_counter = "mail_bomb_bytes";
constexpr std::size_t most_recipients = 100;

// Looked at is under limits, recorded without: what is delivered has happened, over a limit or not. A store keeps small
// limits' counts in narrower numbers than those without a limit, so that messages have the largest of these.
constexpr std::uint64_t any_number_of_messages = 65'535;

// The answers to what plan() asks, in their order.
enum Asked : std::size_t { messages, bytes };

class MailBombRule {
 public:
  explicit MailBombRule(const conf::Settings::MailBomb& settings) : settings_(settings) {}

  Step plan(const Question& question, store::Counts& counts) const {
    const auto& request = *question.request;
    if (request.state != ProtocolState::rcpt) return pass("it speaks at RCPT, and counts what was delivered");
    if (question.client.empty()) return pass(why::unknown_client);
    if (question.is_ours()) return pass(question.why_ours());
    if (question.exempt()) return pass(why::exempt);
    if (!question.view->new_recipient) return pass(why::let_pass_already);
    if (!holds(settings_.when, request)) return pass(why::left_out);
    const auto first = counts.size();
    add(counts, mail_bomb_name, settings_.messages, 0);
    append_delivery(counts[first].entity, question);
    append_canonical_address(counts[first].entity, request[Attribute::recipient], LocalPart::lower_case);
    auto& second = add(counts, bytes_counter, settings_.bytes, 0);
    second.entity = counts[first].entity;
    return Step::judge;
  }

  Rule::Judgement judge(const Question& question, store::Answers answers) const {
    if (!answers[messages].over || !answers[bytes].over) return {};
    const bool by_bytes = answers[bytes].retry_after < answers[messages].retry_after;
    const auto& first = answers[by_bytes ? bytes : messages];
    auto verdict = make_verdict(mail_bomb_name, settings_.mode, settings_.action, question);
    verdict.cause =
        Cause{first.count, by_bytes ? settings_.bytes : settings_.messages, settings_.window, first.retry_after};
    return verdict;
  }

  void deliver(const Question& question, std::span<const std::string_view> recipients, store::Counts& counts) const {
    const auto size = to_number((*question.request)[Attribute::size]);
    std::string entity;
    append_delivery(entity, question);
    const auto without_recipient = entity.size();
    for (const auto recipient : recipients.first(std::min(recipients.size(), most_recipients))) {
      entity.resize(without_recipient);
      entity += recipient;
      add(counts, mail_bomb_name, any_number_of_messages, 1).entity = entity;
      add(counts, bytes_counter, store::Window::no_limit, size).entity = entity;
    }
  }

 private:
  // What is counted together, but for its recipient. Parts are kept apart by a byte that no attribute can hold.
  static void append_delivery(std::string& to, const Question& question) {
    to += mail_bomb_name;
    to += ':';
    to += question.client;
    to += '\n';
    append_canonical_address(to, (*question.request)[Attribute::sender], LocalPart::as_written);
    to += '\n';
  }

  // Its entity is still to be named.
  store::Count& add(store::Counts& counts, std::string_view counter, std::uint64_t limit, std::uint64_t n) const {
    auto& count = counts.add();
    count.counter = counter;
    count.windows = {{settings_.window, limit}};
    count.n = n;
    count.grain = store::Grain::recipient;
    count.binding = false;
    return count;
  }

  conf::Settings::MailBomb settings_;
};

}  // namespace

Rule make_mail_bomb_rule(const conf::Settings::MailBomb& settings) {
  const auto row = std::make_shared<const MailBombRule>(settings);
  Rule rule;
  rule.name = mail_bomb_name;
  rule.mode = settings.mode;
  rule.counts = false;
  rule.plan = [row](const Question& question, store::Counts& counts) { return row->plan(question, counts); };
  rule.judge = [row](const Question& question, store::Answers answers) { return row->judge(question, answers); };
  rule.deliver = [row](const Question& question, std::span<const std::string_view> recipients, store::Counts& counts) {
    row->deliver(question, recipients, counts);
  };
  return rule;
}

}  // namespace mxwarden::policy
