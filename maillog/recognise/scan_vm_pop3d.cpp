#include "maillog/recognise/scan_vm_pop3d.hpp"

namespace mxwarden::maillog {
namespace {

Recognised logged_in(std::string_view text) {
  constexpr std::string_view from = "' from '";
  constexpr std::string_view of = "' of '";
  const auto at = text.rfind(from);
  if (at == std::string_view::npos) return known();  // without the patch
  const auto address = Address::parse(text.substr(at + from.size()));
  if (!address) return unknown();
  const auto user = text.substr(0, at);
  auto recognised = event_of(policy::EventKind::login_succeeded, *address);
  auto& login = recognised.event->login;
  recognised.event->service = "pop3";
  const auto domain = user.rfind(of);
  login = copied(user.substr(0, domain));
  if (domain != std::string_view::npos) login.append("@").append(copied(user.substr(domain + of.size())));
  return recognised;
}

}  // namespace

Recognised scan_vm_pop3d(const Scan& scan) {
  constexpr std::string_view begin = "User '";
  constexpr std::string_view end = "' logged in";
  auto text = scan.line.text;
  if (!text.starts_with(begin) || !text.ends_with(end) || text.size() < begin.size() + end.size()) return known();
  text.remove_prefix(begin.size());
  text.remove_suffix(end.size());
  return logged_in(text);
}

}  // namespace mxwarden::maillog
