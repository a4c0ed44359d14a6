#pragma once
// What smtpd and postscreen log of a refusal (smtpd_check.c, log_whatsup; postscreen_smtpd.c):
//
//   NOQUEUE: reject: RCPT from NAME[ADDR]: 550 5.1.1 <x@y>: Recipient address rejected: User unknown in local recipient
//   table; from=<a@b> to=<x@y> proto=ESMTP helo=<h>
//
// x, a and h are a stranger's words: what stands in the reply is as he wrote it, with any character, and may look like
// any part of such a line. The tail tells what he wrote, if it follows its grammar to the very end of the line; from=<>
// and to=<> are quoted there as RFC 5321 has it, but by Postfix before 3.5 (and with info_log_addr_form = internal)
// they are not. So a tail is sure only if it begins at the first place where one could, and if none of his addresses
// holds such a place: then nobody but Postfix has written what is between. From an earlier place on, what Postfix has
// written, its own tail too, would have to be a part of an address. Everybody's mail is of that kind; of a line that is
// not, or that was cut at some 2,000 characters, the client, the code and the status are known, and little else.
//
// BUGS: a log daemon that cuts lines at less than `longest_whole` lets a stranger end a line with a tail of his own.
// Who has his lines cut, by a HELO name of 1,900 characters, hides what only their text tells: that he hit a trap, or
// has forged a name. reject_invalid_helo_hostname knows such a name.

#include <optional>
#include <string>
#include <string_view>

#include "maillog/recognise/peer.hpp"

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
  std::string_view rest;    // all that stands behind these
  std::string_view reply;   // without the tail, if there is one
  std::optional<RejectTail> tail;
  bool sure = false;  // of the tail, so that the reply is not longer and not shorter than that
};

// Where a tail may begin; npos: nowhere.
std::size_t find_tail(std::string_view text);

// What stands behind `from=` and the like is separated by this.
enum class TailForm : bool { smtpd, postscreen };  // ` `, and `, `

// `text` begins behind `reject: `.
std::optional<RejectLine> parse_reject(std::string_view text, TailForm form);

}  // namespace mxwarden::maillog
