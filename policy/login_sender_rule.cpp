#include "policy/login_sender_rule.hpp"

#include <strings.h>

#include <utility>

#include "base/ascii.hpp"
#include "policy/identity.hpp"
#include "policy/limit_rule.hpp"

namespace mxwarden::policy {
namespace {

std::string_view domain_of(std::string_view address) {
  const auto at = find_last(address, '@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

// Nearly every message has its login's domain, and as it is written there.
bool same_domain(std::string_view one, std::string_view other) {
  if (one.size() == other.size() && strncasecmp(one.data(), other.data(), one.size()) == 0) return true;
  std::string first;
  std::string second;
  append_canonical_domain(first, one);
  append_canonical_domain(second, other);
  return first == second;
}

// Why the sender is nothing to count; empty: it is somebody else's.
std::string_view why_own(const Request& request, const conf::SenderMap* listed) {
  const auto login = request[Attribute::sasl_username];
  const auto sender = request[Attribute::sender];
  const auto domain = domain_of(sender);
  if (domain.empty()) return "the sender has no domain";
  const auto own = domain_of(login);
  if (!own.empty() && same_domain(own, domain)) return "the sender has the login's domain";
  std::string name;
  append_canonical_address(name, login, LocalPart::lower_case);
  if (own.empty() && (listed == nullptr || !listed->names(name))) return "what belongs to the login is not known";
  if (listed == nullptr) return {};
  std::string address;
  append_canonical_address(address, sender, LocalPart::lower_case);
  const auto at_domain = std::string_view(address).substr(find_last(address, '@'));
  if (listed->lists(name, address) || listed->lists(name, at_domain)) return "the map lists the sender for the login";
  return {};
}

}  // namespace

Rule make_login_sender_rule(const conf::Limit& limit, const conf::Settings::Client& client,
                            std::shared_ptr<const conf::SenderMap> listed) {
  auto rule = make_limit_rule(limit, client, {});
  rule.plan = [stage = limit.stage, counts_it = std::move(rule.plan), listed = std::move(listed)](
                  const Question& question, store::Counts& counts) {
    const auto& request = *question.request;
    if (request.logged_in() && request.state == stage) {
      if (const auto why = why_own(request, listed.get()); !why.empty()) return pass(why);
    }
    return counts_it(question, counts);
  };
  return rule;
}

}  // namespace mxwarden::policy
