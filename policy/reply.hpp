#pragma once
// The text of an answer: what stands after `action=` (access(5), and what Postfix really makes of it: a bare number or
// an empty action is permission, invalid UTF-8 a server error, a long text one long SMTP line).

#include <string>
#include <string_view>

#include "conf/action.hpp"

namespace mxwarden::policy {

// What the placeholders of an action's text stand for: {rule} {client} {list} {reason}.
struct Placeholders {
  std::string_view rule = {};
  std::string_view client = {};
  std::string_view list = {};
  std::string_view reason = {};
};

// `421 4.7.0 Too many connections [mxw:client_rate]`: at most 400 bytes, one line, valid UTF-8, the mark at its end.
// DUNNO is bare.
std::string render(const conf::Action& action, const Placeholders& placeholders);

}  // namespace mxwarden::policy
