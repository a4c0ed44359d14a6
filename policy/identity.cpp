#include "policy/identity.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/idna.hpp"

namespace mxwarden::policy {
namespace {

void append_lower(std::string& to, std::string_view text) {
  const auto begin = to.size();
  to.resize(begin + text.size());
  std::ranges::transform(text, to.begin() + static_cast<std::ptrdiff_t>(begin), lower);
}

void append_domain(std::string& to, std::string_view domain) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (is_ascii(domain)) return append_lower(to, domain);
  const auto labels = to_a_labels(domain);
  append_lower(to, labels ? std::string_view(*labels) : domain);
}

}  // namespace

std::string canonical_domain(std::string_view domain) {
  std::string canonical;
  canonical.reserve(domain.size());
  append_domain(canonical, domain);
  return canonical;
}

std::string canonical_address(std::string_view address, LocalPart local_part) {
  const auto at = std::min(address.rfind('@'), address.size());
  std::string canonical;
  canonical.reserve(address.size());
  if (local_part == LocalPart::lower_case) {
    append_lower(canonical, address.substr(0, at));
  } else {
    canonical += address.substr(0, at);
  }
  if (at == address.size()) return canonical;
  canonical += '@';
  append_domain(canonical, address.substr(at + 1));
  return canonical;
}

std::string domain_of(std::string_view address) {
  const auto at = address.rfind('@');
  return at == std::string_view::npos ? std::string() : canonical_domain(address.substr(at + 1));
}

std::string masked_text(const Address& address, int ipv4_prefix, int ipv6_prefix) {
  return Prefix(address, address.is_ipv4() ? ipv4_prefix : ipv6_prefix).to_string();
}

std::string client_entity(const Address& address, int ipv4_prefix, int ipv6_prefix) {
  return "client:" + masked_text(address, ipv4_prefix, ipv6_prefix);
}

}  // namespace mxwarden::policy
