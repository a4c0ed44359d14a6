#pragma once
// An event as one line for a person:
//
//   2026-11-20 23:33:34  recipient_unknown  198.51.100.7 (host.example)  sender=a@sender.example
//   recipient=x@example.org
//
// What applies is said, what does not is left out. Texts of strangers are escaped, and quoted where they could pass for
// more than one. Pure but for the time zone, which is the process's (TZ).

#include <string>

#include "policy/mail_event.hpp"

namespace mxwarden::maillog {

// Without a line end. In colours the name of what somebody has done wrong stands out.
std::string event_text(const policy::MailEvent& event, bool colours);

}  // namespace mxwarden::maillog
