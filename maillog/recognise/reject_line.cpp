#include "maillog/recognise/reject_line.hpp"

#include <algorithm>
#include <array>

#include "maillog/recognise/quoted_address.hpp"

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

constexpr std::string_view before_tail = "; ";

bool may_be_tail(std::string_view text) {
  return std::ranges::any_of(fields, [&](const Field& field) { return text.starts_with(field.begin); });
}

bool is_harmless(const std::optional<std::string>& address) {
  return !address || find_tail(*address) == std::string::npos;
}

std::size_t tail_from(std::string_view text, std::size_t from) {
  for (auto at = text.find(before_tail, from); at != std::string_view::npos; at = text.find(before_tail, at + 1)) {
    if (may_be_tail(text.substr(at + before_tail.size()))) return at;
  }
  return std::string_view::npos;
}

// Splits the tail off the reply.
void cut_tail(RejectLine& line, TailForm form) {
  const std::string_view separator = form == TailForm::smtpd ? " " : ", ";
  bool first = true;
  for (auto at = tail_from(line.rest, 0); at != std::string_view::npos; at = tail_from(line.rest, at + 1)) {
    line.tail = parse_tail(line.rest.substr(at + before_tail.size()), separator);
    if (line.tail) {
      line.reply = line.rest.substr(0, at);
      line.sure = first && is_harmless(line.tail->sender) && is_harmless(line.tail->recipient);
      return;
    }
    first = false;
  }
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

std::size_t find_tail(std::string_view text) {
  return tail_from(text, 0);
}

std::optional<RejectLine> parse_reject(std::string_view text, TailForm form) {
  RejectLine line{.state = {}, .peer = {}, .code = {}, .status = {}, .rest = {}, .reply = {}, .tail = {}};
  Cursor cursor(text);
  const auto state = cursor.take_word();
  if (!state || !cursor.take("from ")) return std::nullopt;
  const auto peer = take_peer(cursor);
  if (!peer || !cursor.take(": ")) return std::nullopt;
  line.state = *state;
  line.peer = *peer;
  line.code = take_code(cursor);
  line.status = take_status(cursor);
  line.rest = line.reply = cursor.rest();
  if (text.size() <= longest_whole) cut_tail(line, form);
  return line;
}

}  // namespace mxwarden::maillog
