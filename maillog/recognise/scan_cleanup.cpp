#include "maillog/recognise/scan_cleanup.hpp"

#include <array>

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

Recognised rejected(const Scan& scan, const QueueId& id, EventKind kind, std::string_view reason) {
  auto recognised = event_of(kind);
  auto& event = *recognised.event;
  event.reason = copied(reason);
  if (const auto* message = scan.memory.message(id)) {
    event.client = message->client;
    event.client_name = message->client_name;
    event.again = scan.memory.again(message->session, message->client, kind);
  }
  return recognised;
}

// Behind `QUEUEID: '.
constexpr std::array<std::string_view, 16> known_begins{
    "message-id=", "resent-message-id=", "reject: ",  "warning: ", "hold: ", "discard: ", "filter: ", "redirect: ",
    "info: ",      "prepend: ",          "replace: ", "strip: ",   "bcc: ",  "delay: ",   "milter-",  "to=<"};

}  // namespace

Recognised scan_cleanup(const Scan& scan) {
  Cursor text(scan.line.text);
  if (text.take("warning: ") || text.take("fatal: ") || text.take("error: ") || text.take("table ")) return known();
  const auto id = QueueId::parse(text.take_while(is_letter_or_digit));
  if (!id || !text.take(": ")) return unknown();
  if (text.take("reject: header ")) return rejected(scan, *id, EventKind::header_reject, text.rest());
  if (text.take("reject: body ")) return rejected(scan, *id, EventKind::body_reject, text.rest());
  for (const auto begin : known_begins) {
    if (text.take(begin)) return known();
  }
  return unknown();
}

}  // namespace mxwarden::maillog
