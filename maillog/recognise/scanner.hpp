#pragma once
// What a scanner gets and gives: a scanner knows the lines of one program, or of one family of them.

#include <string_view>

#include "conf/settings.hpp"
#include "maillog/recognise/log_line.hpp"
#include "maillog/recognise/memory.hpp"
#include "maillog/recognise/recogniser.hpp"

namespace mxwarden::maillog {

struct Scan {
  const LogLine& line;
  Memory& memory;
  const conf::Settings::Maillog& settings;
};

// Position and time are filled in by the caller.
using Scanner = Recognised (*)(const Scan& scan);

inline Recognised known() {
  return {.what = Recognised::What::known, .recogniser = {}, .event = {}};
}

inline Recognised unknown() {
  return {.what = Recognised::What::unknown, .recogniser = {}, .event = {}};
}

inline Recognised ours() {
  return {.what = Recognised::What::ours, .recogniser = {}, .event = {}};
}

// What a stranger may make of it goes over a socket whose lines are bounded; Postfix's own lines are hardly longer.
inline constexpr std::size_t longest_text = 2000;

inline std::string copied(std::string_view text) {
  return std::string(text.substr(0, longest_text));
}

inline Recognised event_of(policy::EventKind kind) {
  Recognised recognised{.what = Recognised::What::event, .recogniser = {}, .event = {}};
  recognised.event.emplace().kind = kind;
  return recognised;
}

inline Recognised event_of(policy::EventKind kind, const Address& client, std::string_view name = {}) {
  auto recognised = event_of(kind);
  recognised.event->client = client;
  recognised.event->client_name = copied(name);
  return recognised;
}

}  // namespace mxwarden::maillog
