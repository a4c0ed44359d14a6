#include "policy/identity.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/idna.hpp"

namespace mxwarden::policy {
namespace {

void append_lower(std::string& to, std::string_view text) {
  const auto begin = to.size();
  to.resize(begin + text.size());
  copy_lower(to.data() + begin, text);
}

}  // namespace

void append_canonical_domain(std::string& to, std::string_view domain) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (is_ascii(domain)) return append_lower(to, domain);
  const auto labels = to_a_labels(domain);
  append_lower(to, labels ? std::string_view(*labels) : domain);
}

void append_canonical_address(std::string& to, std::string_view address, LocalPart local_part) {
  const auto at = std::min(find_last(address, '@'), address.size());
  if (local_part == LocalPart::lower_case) {
    append_lower(to, address.substr(0, at));
  } else {
    to += address.substr(0, at);
  }
  if (at == address.size()) return;
  to += '@';
  append_canonical_domain(to, address.substr(at + 1));
}

void append_domain_of(std::string& to, std::string_view address) {
  const auto at = find_last(address, '@');
  if (at != std::string_view::npos) append_canonical_domain(to, address.substr(at + 1));
}

void append_masked(std::string& to, const Address& address, int ipv4_prefix, int ipv6_prefix) {
  Prefix(address, address.is_ipv4() ? ipv4_prefix : ipv6_prefix).append_to(to);
}

void append_client_entity(std::string& to, const Address& address, int ipv4_prefix, int ipv6_prefix) {
  to += "client:";
  append_masked(to, address, ipv4_prefix, ipv6_prefix);
}

}  // namespace mxwarden::policy
