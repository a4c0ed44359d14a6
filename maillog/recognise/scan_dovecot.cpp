#include "maillog/recognise/scan_dovecot.hpp"

#include <array>

#include "base/ascii.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

struct Service {
  std::string_view process;
  std::string_view name;
};

constexpr std::array<Service, 4> services{
    {{"pop3-login", "pop3"}, {"imap-login", "imap"}, {"managesieve-login", "sieve"}, {"submission-login", "smtp"}}};

const Service* service_of(std::string_view process) {
  for (const auto& service : services) {
    if (process == service.process) return &service;
  }
  return nullptr;
}

struct Login {
  std::string_view user;
  Address client;
};

constexpr bool is_in_element(char c) {
  return c != ',' && c != '<' && c != '>' && c != '=' && c != '"';
}

// `, lip=ADDR, mpid=7, TLS, session=<...>' to the end.
bool are_last_elements(Cursor text) {
  while (text.take(", ")) {
    if (text.take("session=<")) {
      const auto session = text.take_while([](char c) { return is_in_element(c) && c != ' '; });
      return !session.empty() && text.take(">") && text.at_end();
    }
    if (text.take("lip=") || text.take("mpid=") || text.take("lport=") || text.take("rport=")) {
      if (text.take_while([](char c) { return is_in_element(c) && c != ' '; }).empty()) return false;
    } else if (text.take_while(is_in_element).empty()) {  // `TLS', `secured', `TLSv1.3 with cipher ...'
      return false;
    }
  }
  return false;
}

// Takes `, method=PLAIN' off the end, if it is there.
std::string_view without_method(std::string_view text) {
  constexpr std::string_view begin = ">, method=";
  const auto at = find_last(text, '>');
  if (at == std::string_view::npos || !text.substr(at).starts_with(begin)) return text;
  const auto method = text.substr(at + begin.size());
  return method.find_first_of(" ,=") == std::string_view::npos ? text.substr(0, at + 1) : text;
}

// `text' begins behind `user=<'.
std::optional<Login> parse_login(std::string_view text) {
  constexpr std::string_view mark = ", rip=";
  const auto at = text.rfind(mark);
  if (at == std::string_view::npos) return std::nullopt;
  auto user = without_method(text.substr(0, at));
  if (!user.ends_with('>')) return std::nullopt;
  user.remove_suffix(1);
  Cursor rest(text.substr(at + mark.size()));
  const auto client = Address::parse(rest.take_while([](char c) { return c != ','; }));
  if (!client || !are_last_elements(rest)) return std::nullopt;
  return Login{user, *client};
}

Recognised login_event(EventKind kind, const Service& service, std::string_view text) {
  const auto login = parse_login(text);
  if (!login) return unknown();
  auto recognised = event_of(kind, login->client);
  recognised.event->service = service.name;
  recognised.event->login = copied(login->user);
  return recognised;
}

// What stands in front of the user's name is Dovecot's own.
Recognised ended(const Service& service, Cursor text) {
  const auto why = text.take_to(": user=<");
  if (!why) return known();
  if (why->find("(auth failed, ") == std::string_view::npos) return known();
  auto recognised = login_event(EventKind::login_failed, service, text.rest());
  if (recognised.event) recognised.event->reason = copied(*why);
  return recognised;
}

Recognised scan_login_process(const Service& service, Cursor text) {
  text.take("Info: ");
  if (text.take("Login: user=<") || text.take("Logged in: user=<")) {
    return login_event(EventKind::login_succeeded, service, text.rest());
  }
  for (const std::string_view begin : {"Disconnected", "Aborted login", "Login aborted: "}) {
    if (text.rest().starts_with(begin)) return ended(service, text);
  }
  return known();
}

}  // namespace

Recognised scan_dovecot(const Scan& scan) {
  // In a file of Dovecot's own the process stands where syslog has `dovecot'.
  if (const auto* service = service_of(scan.line.program)) return scan_login_process(*service, Cursor(scan.line.text));
  Cursor text(scan.line.text);
  const auto process = text.take_to(": ");
  if (!process) return unknown();
  const auto* service = service_of(*process);
  return service == nullptr ? known() : scan_login_process(*service, text);
}

}  // namespace mxwarden::maillog
