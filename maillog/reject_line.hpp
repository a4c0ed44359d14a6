#pragma once
// What smtpd and postscreen log of a refusal (smtpd_check.c, log_whatsup; postscreen_smtpd.c):
//
//   NOQUEUE: reject: RCPT from NAME[ADDR]: 550 5.1.1 <x@y>: Recipient address rejected: User unknown in local recipient
//   table; from=<a@b> to=<x@y> proto=ESMTP helo=<h>
//
// x, a and h are a stranger's words: what stands in the reply's text is as he wrote it, with any character, and may
// look like any part of such a line. The tail tells what he wrote, as from=<> and to=<> are quoted there (RFC 5321): a
// tail is believed if, from the first place where one could begin, it follows its grammar to the very end of the line.
// No stranger can bring that about earlier: from such a place on, what Postfix itself has written must be a part of his
// quoted string, and what is in his own ones has its quotes escaped. Where the tail does not tell (the line was cut at
// some 2,000 characters; info_log_addr_form = internal, and an address that is to be quoted), whoever reads the line
// has to do without.
//
// BUGS: a log daemon that cuts lines at less than `longest_whole` lets a stranger end a line with a tail of his own.

#include <optional>
#include <string>
#include <string_view>

#include "maillog/peer.hpp"

namespace mxwarden::maillog {

// A text that is longer may have been cut.
inline constexpr std::size_t longest_whole = 1900;

struct RejectTail {
  std::optional<std::string> sender;  // as Postfix has it internally: without quotes
  std::optional<std::string> recipient;
  std::optional<std::string> helo;
};

struct RejectLine {
  std::string_view state;  // `RCPT`
  Peer peer;
  std::string_view code;    // `550`; empty: none is there
  std::string_view status;  // `5.1.1`; empty: none is there
  std::string_view reply;   // behind these; without the tail, if it is known
  std::optional<RejectTail> tail;
};

// What stands behind `from=` and the like is separated by this.
enum class TailForm : bool { smtpd, postscreen };  // ` `, and `, `

// `text` begins behind `reject: `.
std::optional<RejectLine> parse_reject(std::string_view text, TailForm form);

}  // namespace mxwarden::maillog
