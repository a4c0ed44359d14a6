#pragma once
// A log as a test writes it: lines in, what is recognised out.

#include <string>
#include <string_view>
#include <vector>

#include "maillog/recognise/log_line.hpp"
#include "maillog/recognise/recogniser.hpp"

namespace mxwarden::maillog {

inline conf::Settings::Maillog all_recognisers() {
  conf::Settings::Maillog settings;
  settings.recognise = {"postfix", "dovecot", "courier", "cyrus", "uw", "qpopper", "vm-pop3d"};
  settings.helo_forged_texts = {"Forged HELO"};
  settings.sender_forged_texts = {"Forged sender"};
  settings.spam_trap_texts = {"This is a trap"};
  return settings;
}

struct Rig {
  // `line` begins at the program's name.
  Recognised see(std::string_view line) {
    whole_ = "Nov 20 23:30:13 mx ";
    whole_ += line;
    const auto parsed = parser_.parse(whole_, read_at);
    return parsed ? recogniser_.see(*parsed, ++position_) : Recognised{};
  }

  static constexpr WallTime read_at{std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)};

 private:
  std::string whole_;
  LineParser parser_;
  Recogniser recogniser_{all_recognisers()};
  std::uint64_t position_ = 0;
};

// One line for a person to review, without time and position: `recipient_unknown client=192.0.2.7 recipient=<x@y>`.
inline std::string summary(const policy::MailEvent& event) {
  std::string text(policy::to_string(event.kind));
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) text.append(" ").append(name).append("=<").append(value).append(">");
  };
  if (event.again) text += " again";
  if (event.client) text += " client=" + event.client->to_string();
  add("name", event.client_name);
  add("service", event.service);
  add("sender", event.sender);
  add("recipient", event.recipient);
  add("login", event.login);
  add("helo", event.helo);
  add("list", event.list);
  add("reason", event.reason);
  return text;
}

inline std::string summary(const Recognised& recognised) {
  using What = Recognised::What;
  switch (recognised.what) {
    case What::event:
      return summary(*recognised.event);
    case What::known:
      return "known";
    case What::ours:
      return "ours";
    case What::unknown:
      return "unknown";
    case What::other_program:
      return "other program";
  }
  return {};
}

}  // namespace mxwarden::maillog
