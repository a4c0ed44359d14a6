#include "maillog/recognise/scan_cyrus.hpp"

#include "base/ascii.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

std::string_view service_of(std::string_view program) {
  const auto name = program.substr(find_last(program, '/') + 1);
  if (name.starts_with("imap")) return "imap";
  if (name.starts_with("pop3")) return "pop3";
  return name.starts_with("sieve") || name == "timsieved" ? "sieve" : "";
}

// `host.example [192.0.2.7] ' or `[192.0.2.7] '
std::optional<Peer> take_client(Cursor& text) {
  std::optional<std::string_view> name;
  if (!text.rest().starts_with('[')) name = text.take_word();
  auto peer = take_peer(text);
  if (!peer || !peer->name.empty() || !text.take(" ")) return std::nullopt;
  if (name) peer->name = *name;
  return peer;
}

// `user plaintext+TLS User logged in ...'; a name may hold blanks.
std::optional<std::string_view> user_of(std::string_view text) {
  const auto end = text.rfind(" User logged in");
  if (end == std::string_view::npos) return std::nullopt;
  const auto name_and_method = text.substr(0, end);
  const auto blank = find_last(name_and_method, ' ');
  if (blank == std::string_view::npos) return std::nullopt;
  return name_and_method.substr(0, blank);
}

Recognised succeeded(std::string_view service, Cursor text) {
  const auto client = take_client(text);
  const auto user = client ? user_of(text.rest()) : std::nullopt;
  if (!user) return unknown();
  auto recognised = event_of(EventKind::login_succeeded, client->address, client->name);
  recognised.event->service = service;
  recognised.event->login = copied(*user);
  return recognised;
}

Recognised failed(std::string_view service, Cursor text) {
  const auto client = take_client(text);
  if (!client) return unknown();
  auto recognised = event_of(EventKind::login_failed, client->address, client->name);
  recognised.event->service = service;
  recognised.event->reason = copied(text.rest());
  if (text.take("plaintext ")) {
    auto user = text.rest();
    user = user.substr(0, user.rfind(" SASL("));
    if (user.ends_with(" invalid user")) user.remove_suffix(std::string_view(" invalid user").size());
    recognised.event->login = copied(user);
  }
  return recognised;
}

}  // namespace

Recognised scan_cyrus(const Scan& scan) {
  const auto service = service_of(scan.line.program);
  Cursor text(scan.line.text);
  if (service.empty()) return known();
  if (text.take("login: ")) return succeeded(service, text);
  if (text.take("badlogin: ")) return failed(service, text);
  return known();
}

}  // namespace mxwarden::maillog
