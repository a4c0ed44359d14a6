#include "maillog/reject_line.hpp"

#include <array>

#include "maillog/quoted_address.hpp"

namespace mxwarden::maillog {
namespace {

constexpr bool is_helo(char c) {
  return is_plain_in_address(c) && c != '(' && c != ')' && c != '@';
}

struct Field {
  std::string_view begin;
  std::optional<std::string> RejectTail::*value;  // nothing: it is the protocol
};

// In this order; each may be missing.
constexpr std::array<Field, 4> fields{{{"from=<", &RejectTail::sender},
                                       {"to=<", &RejectTail::recipient},
                                       {"proto=", nullptr},
                                       {"helo=<", &RejectTail::helo}}};

// `begin` is passed already.
bool take_value(Cursor& cursor, const Field& field, RejectTail& tail) {
  if (field.value == nullptr) return !cursor.take_while([](char c) { return c >= 'A' && c <= 'Z'; }).empty();
  auto& value = tail.*field.value;
  value = field.value == &RejectTail::helo ? std::string(cursor.take_while(is_helo)) : take_address(cursor);
  return value && cursor.take(">");
}

// Nothing: not the whole of `text` is a tail.
std::optional<RejectTail> parse_tail(std::string_view text, std::string_view separator) {
  RejectTail tail;
  Cursor cursor(text);
  for (const auto& field : fields) {
    if (!cursor.take(field.begin)) continue;
    if (!take_value(cursor, field, tail)) return std::nullopt;
    if (cursor.at_end()) return tail;
    if (!cursor.take(separator)) return std::nullopt;
  }
  return std::nullopt;
}

// Splits the tail off the reply.
std::optional<RejectTail> cut_tail(std::string_view& reply, TailForm form) {
  const std::string_view separator = form == TailForm::smtpd ? " " : ", ";
  for (auto at = reply.find("; "); at != std::string_view::npos; at = reply.find("; ", at + 1)) {
    const auto text = reply.substr(at + 2);
    if (auto tail = parse_tail(text, separator)) {
      reply = reply.substr(0, at);
      return tail;
    }
  }
  return std::nullopt;
}

std::string_view take_code(Cursor& cursor) {
  Cursor ahead = cursor;
  const auto code = ahead.take_while(is_digit);
  if (code.size() != 3 || !ahead.take(" ")) return {};
  cursor = ahead;
  return code;
}

// `5.1.1`, RFC 3463
std::string_view take_status(Cursor& cursor) {
  Cursor ahead = cursor;
  const auto status = ahead.take_while([](char c) { return is_digit(c) || c == '.'; });
  if (status.size() < 5 || status[1] != '.' || !ahead.take(" ")) return {};
  cursor = ahead;
  return status;
}

}  // namespace

std::optional<RejectLine> parse_reject(std::string_view text, TailForm form) {
  RejectLine line{.state = {}, .peer = {}, .code = {}, .status = {}, .reply = {}, .tail = {}};
  Cursor cursor(text);
  const auto state = cursor.take_word();
  if (!state || !cursor.take("from ")) return std::nullopt;
  const auto peer = take_peer(cursor);
  if (!peer || !cursor.take(": ")) return std::nullopt;
  line.state = *state;
  line.peer = *peer;
  line.code = take_code(cursor);
  line.status = take_status(cursor);
  line.reply = cursor.rest();
  if (text.size() <= longest_whole) line.tail = cut_tail(line.reply, form);
  return line;
}

}  // namespace mxwarden::maillog
