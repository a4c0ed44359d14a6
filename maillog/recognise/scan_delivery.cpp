#include "maillog/recognise/scan_delivery.hpp"

#include "maillog/recognise/quoted_address.hpp"

namespace mxwarden::maillog {
namespace {

std::optional<std::string> take_address_in_brackets(Cursor& text) {
  auto address = take_address(text);
  if (!address || !text.take(">")) return std::nullopt;
  return address;
}

// `, relay=..., delay=..., dsn=...' up to `, status='; none of them holds a blank.
bool is_sent(Cursor text) {
  while (text.take(", ")) {
    if (text.take("status=")) return text.take("sent ");
    if (text.take_while([](char c) { return c != ',' && c != ' '; }).empty()) return false;
  }
  return false;
}

}  // namespace

Recognised scan_delivery(const Scan& scan) {
  Cursor text(scan.line.text);
  const auto id = QueueId::parse(text.take_while(is_letter_or_digit));
  if (!id || !text.take(": to=<")) return known();
  const auto* message = scan.memory.message(*id);
  if (message == nullptr) return known();
  auto recipient = take_address_in_brackets(text);
  if (recipient && text.take(", orig_to=<")) recipient = take_address_in_brackets(text);
  if (!recipient || !is_sent(text)) return known();
  auto recognised = event_of(policy::EventKind::recipient_accepted, message->client, message->client_name);
  recognised.event->recipient = copied(*recipient);
  return recognised;
}

Recognised scan_queue(const Scan& scan) {
  Cursor text(scan.line.text);
  const auto id = QueueId::parse(text.take_while(is_letter_or_digit));
  if (!id || !text.take(": ")) return known();
  if (text.rest() == "removed" || text.take("uid=")) scan.memory.end_message(*id);
  return known();
}

}  // namespace mxwarden::maillog
