#include "conf/limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

constexpr std::size_t most_parts = 5;
constexpr std::array addresses{Attribute::client_address, Attribute::server_address};
constexpr std::array with_domain{Attribute::sender, Attribute::recipient, Attribute::sasl_username,
                                 Attribute::sasl_sender};

bool among(const auto& attributes, Attribute attribute) {
  return std::ranges::find(attributes, attribute) != attributes.end();
}

Result<int> parse_prefix_length(std::string_view text, int most) {
  int length = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (fault != std::errc{} || end != text.data() + text.size() || length < 1 || length > most) {
    return Error{fmt::format("`/{}' is not a prefix length; allowed is 1 to {}", text, most)};
  }
  return length;
}

// `24` or `24/56`
Result<void> read_prefix_lengths(std::string_view text, KeyPart& part) {
  if (!among(addresses, part.attribute)) {
    return Error{fmt::format("only client_address and server_address can be cut to a prefix, not {}",
                             to_string(part.attribute))};
  }
  part.form = KeyPart::Form::prefix;
  const auto slash = text.find('/');
  const auto ipv4 = parse_prefix_length(text.substr(0, slash), 32);
  if (!ipv4) return ipv4.error();
  part.ipv4_prefix = *ipv4;
  if (slash == std::string_view::npos) return {};
  const auto ipv6 = parse_prefix_length(text.substr(slash + 1), 128);
  if (!ipv6) return ipv6.error();
  part.ipv6_prefix = *ipv6;
  return {};
}

Result<KeyPart> parse_part(std::string_view text) {
  const auto name = text.substr(0, text.find_first_of("/."));
  const auto form = text.substr(name.size());
  const auto attribute = find_attribute(name);
  if (!attribute) {
    const auto meant = nearest(name, {attribute_names.begin(), attribute_names.end()});
    return Error{fmt::format("`{}' is not an attribute of Postfix's policy protocol; {}", name,
                             meant.empty() ? std::string("allowed are client_address, sender, recipient, sasl_username "
                                                         "and the others of SMTPD_POLICY_README")
                                           : fmt::format("did you mean {}?", meant))};
  }
  KeyPart part{.attribute = *attribute};
  if (form.starts_with('/')) {
    if (const auto read = read_prefix_lengths(form.substr(1), part); !read) return read.error();
  } else if (form == ".domain" && among(with_domain, *attribute)) {
    part.form = KeyPart::Form::domain;
  } else if (!form.empty()) {
    return Error{
        fmt::format("`{}' is not allowed after {}; sender, recipient, sasl_username and sasl_sender can have "
                    ".domain, client_address and server_address a prefix length as in /24 or /24/56",
                    form, name)};
  }
  return part;
}

}  // namespace

bool comes_with_login(Attribute attribute) {
  constexpr std::array of_a_login{Attribute::sasl_username, Attribute::sasl_method, Attribute::sasl_sender};
  return among(of_a_login, attribute);
}

Result<Key> Key::parse(std::string_view text) {
  Key key;
  key.text = trim(text);
  for (std::string_view rest = key.text;;) {
    const auto plus = rest.find('+');
    const auto part = parse_part(trim(rest.substr(0, plus)));
    if (!part) return part.error();
    const auto same = [&](const KeyPart& other) { return other.attribute == part->attribute; };
    if (std::ranges::any_of(key.parts, same)) {
      return Error{fmt::format("`{}' is in the key twice", to_string(part->attribute))};
    }
    key.parts.push_back(*part);
    if (key.parts.size() > most_parts) return Error{fmt::format("a key has at most {} attributes", most_parts)};
    if (plus == std::string_view::npos) return key;
    rest.remove_prefix(plus + 1);
  }
}

bool Key::about_client() const {
  constexpr std::array of_the_client{Attribute::client_address, Attribute::client_name, Attribute::reverse_client_name,
                                     Attribute::client_port};
  return std::ranges::any_of(parts, [&](const KeyPart& part) { return among(of_the_client, part.attribute); });
}

bool Key::asks_for_login() const {
  return std::ranges::any_of(parts, [](const KeyPart& part) { return comes_with_login(part.attribute); });
}

}  // namespace mxwarden::conf
