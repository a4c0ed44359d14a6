#include "firewall/layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "base/duration.hpp"
#include "conf/value.hpp"
#include "firewall/neighbours.hpp"

namespace mxwarden::firewall {
namespace {

using Out = std::back_insert_iterator<std::string>;

Address all_ones(Address::Family family) {
  std::array<unsigned char, 16> bytes{};
  bytes.fill(0xFF);
  return Address::from_bytes(family, bytes.data());
}

Element one_address(Set set, std::string_view text) {
  const auto address = Address::parse(text).value();
  return {set, address, address};
}

std::string element_text(const Change& change) {
  if (!change.timeout) return to_string(change.element);
  return fmt::format("{} timeout {}", to_string(change.element), mxwarden::to_string(kernel_timeout(*change.timeout)));
}

void append_set(Out out, Set set, const Layout& layout, std::span<const Change> elements) {
  fmt::format_to(out, "  set {} {{\n    type {}\n", to_string(set), is_ipv4(set) ? "ipv4_addr" : "ipv6_addr");
  if (is_hash(set)) fmt::format_to(out, "    size {}\n", size_of_hash(layout));
  fmt::format_to(out, "    flags {}\n", is_hash(set) ? "timeout" : "interval, timeout");
  fmt::format_to(out, "    gc-interval {}\n    elements = {{\n", mxwarden::to_string(sweep_interval));
  fmt::format_to(out, "      {},\n", to_string(canary(set)));
  for (const auto& change : elements) {
    if (change.element.set == set && change.timeout) fmt::format_to(out, "      {},\n", element_text(change));
  }
  fmt::format_to(out, "    }}\n  }}\n");
}

// With its mask, where it is not looked up as it is.
std::string source_text(Set set, const Layout& layout) {
  const auto family = is_ipv4(set) ? Address::Family::ipv4 : Address::Family::ipv6;
  const auto ones = all_ones(family);
  const int length = is_ipv4(set) ? layout.ipv4_prefix : layout.ipv6_prefix;
  std::string source = is_ipv4(set) ? "ip saddr" : "ip6 saddr";
  if (!is_hash(set) || length == ones.bits()) return source;
  return fmt::format("{} & {}", source, ones.masked(length).to_string());
}

void append_chain(Out out, const Layout& layout) {
  fmt::format_to(out, "  chain {} {{\n    type filter hook {} priority {}; policy accept;\n", chain_name,
                 conf::to_string(layout.hook), layout.priority);
  const auto* comment = rule_comments.data();
  const auto rule = [&](std::string_view text) {
    fmt::format_to(out, "    {} comment \"{}\"\n", text, *comment);
    ++comment;
  };
  rule("meta l4proto != tcp return");
  rule("tcp flags & (fin | syn | rst | ack) != syn return");
  rule("tcp dport != @ports return");
  for (const auto set : all_sets) rule(fmt::format("{} @{} counter drop", source_text(set, layout), to_string(set)));
  fmt::format_to(out, "  }}\n");
}

}  // namespace

std::string_view to_string(Set set) {
  switch (set) {
    case Set::ban4:
      return "ban4";
    case Set::ban6:
      return "ban6";
    case Set::net4:
      return "net4";
    case Set::net6:
      return "net6";
  }
  return {};
}

Layout layout_of(const conf::Settings& settings) {
  return {.table = settings.firewall.table,
          .hook = settings.firewall.hook,
          .priority = settings.firewall.priority,
          .ports = settings.firewall.ports,
          .max_elements = settings.firewall.max_elements,
          .ipv4_prefix = settings.client.ipv4_prefix,
          .ipv6_prefix = settings.client.ipv6_prefix};
}

// A quarter may end within a sweep_interval.
std::size_t size_of_hash(const Layout& layout) {
  return layout.max_elements + layout.max_elements / 4 + 1'000;
}

Set set_of(const Prefix& net, const Layout& layout) {
  if (net.address().is_ipv4()) return net.length() == layout.ipv4_prefix ? Set::ban4 : Set::net4;
  return net.length() == layout.ipv6_prefix ? Set::ban6 : Set::net6;
}

Element element_of(const Prefix& net, const Layout& layout) {
  const auto set = set_of(net, layout);
  return {set, net.address(), is_hash(set) ? net.address() : last_of(net)};
}

std::string to_string(const Element& element) {
  if (element.first == element.last) return element.first.to_string();
  return fmt::format("{}-{}", element.first.to_string(), element.last.to_string());
}

// RFC 1122, section 3.2.1.3: 0.0.0.0/8 is no source of a connection. RFC 6666: 100::/64 is for what is discarded; and
// not `::', as which ::1 would be looked up, too. In the hashes they are as every mask leaves them.
Element canary(Set set) {
  switch (set) {
    case Set::ban4:
      return one_address(set, "0.0.0.0");
    case Set::net4:
      return one_address(set, "0.0.0.1");
    case Set::ban6:
    case Set::net6:
      break;
  }
  return one_address(set, "100::");
}

std::chrono::milliseconds kernel_timeout(Duration timeout) {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(timeout), std::chrono::milliseconds(1));
}

std::string rebuild_text(const Layout& layout, std::span<const Change> elements) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "table inet {0}\ndelete table inet {0}\ntable inet {0} {{\n", layout.table);
  for (const auto set : all_sets) append_set(out, set, layout, elements);
  fmt::format_to(out, "  set ports {{\n    type inet_service\n    flags constant\n    elements = {{ {} }}\n  }}\n",
                 fmt::join(layout.ports, ", "));
  append_chain(out, layout);
  fmt::format_to(out, "}}\n");
  return text;
}

// To add and to delete is to delete what may not be there; to add once more takes the new timeout on every kernel.
std::string changes_text(const Layout& layout, std::span<const Change> changes) {
  std::string text;
  const auto out = std::back_inserter(text);
  for (const auto& change : changes) {
    const auto set = fmt::format("element inet {} {}", layout.table, to_string(change.element.set));
    fmt::format_to(out, "add {0} {{ {1} }}; delete {0} {{ {2} }}", set, element_text(change),
                   to_string(change.element));
    if (change.timeout) fmt::format_to(out, "; add {} {{ {} }}", set, element_text(change));
    text += '\n';
  }
  return text;
}

}  // namespace mxwarden::firewall
