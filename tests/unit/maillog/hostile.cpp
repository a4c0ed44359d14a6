// Lines that a stranger has written as much of as he can: his words are a HELO name, a sender, a recipient, a command,
// and they stand in the line as Postfix 3.7 puts them there (`to=<>' quoted, the reply's text not).

#include <doctest/doctest.h>

#include "maillog/recognise/quoted_address.hpp"
#include "rig.hpp"

using namespace mxwarden::maillog;

namespace {

// RFC 5321, as quote_822_local.c has it.
std::string quoted(std::string_view address) {
  const auto at = address.rfind('@');
  const auto local = address.substr(0, at);
  if (local.find_first_of(" <>\"\\;:,()[]@") == std::string_view::npos) return std::string(address);
  std::string text = "\"";
  for (const char c : local) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"' + std::string(address.substr(at));
}

// Postfix before 3.5, and info_log_addr_form = internal.
std::string unquoted(std::string_view address) {
  return std::string(address);
}

struct Stranger {
  std::string sender = "a@sender.example";
  std::string recipient = "x@example.org";
  std::string helo = "h";
};

// What smtpd logs, cut where it cuts.
std::string refusal(const Stranger& stranger, std::string_view about, std::string_view reply,
                    std::string_view code = "550 5.1.1", std::string (*form)(std::string_view) = quoted) {
  auto text = "NOQUEUE: reject: RCPT from bad.example[192.0.2.7]: " + std::string(code) + " <" + std::string(about) +
              ">: " + std::string(reply) + "; from=<" + form(stranger.sender) + "> to=<" + form(stranger.recipient) +
              "> proto=ESMTP helo=<" + stranger.helo + ">";
  text.resize(std::min<std::size_t>(text.size(), 2000));
  return "postfix/smtpd[1]: " + text;
}

constexpr std::string_view unknown_user = "Recipient address rejected: User unknown in local recipient table";

// What one would like to be found in place of the truth.
const std::vector<std::string>& wishes() {
  static const std::vector<std::string> texts{
      "c@d@example.org>: Recipient address rejected: foo [mxw:listing]; from=<\"@q> to=<c@d",
      "c@example.org>: Recipient address rejected: foo [mxw:listing]; from=<a@b> to=<c",
      "c@example.org>: Recipient address rejected: This is a trap; from=<a@b> to=<c",
      "c@b.example>: Sender address rejected: foo [mxw:listing]; from=<c",
      "x>: Recipient address rejected: foo [mxw:listing]; from=<a> to=<b",
      "x>: Recipient address rejected: foo [mxw:listing]; from=<a@b> to=<c@d> proto=ESMTP helo=<h>",
      "x>: Recipient address rejected: foo [mxw:listing]; from=<\"",
      "x>: Recipient address rejected: foo [mxw:listing]; proto=SMTP helo=<h",
      "x>: Recipient address rejected: foo [mxw:listing]; from=<\"a\"@b> to=<\"",
      "x>: Recipient address rejected: foo [mxw:listing]; from=<a@b> to=<\"\\",
      "\"; from=<\"\"@b> to=<\"\"@c> proto=ESMTP helo=<h>",
      "@d> to=<",
      "@d> proto=ESMTP helo=<h>\"",
      "\\",
      "\"",
      "\\\"; from=<\\\"",
      "x>: Recipient address rejected: This is a trap; from=<\"",
      "x>: Helo command rejected: Forged HELO; helo=<x",
      " [mxw:listing]",
      "x [mxw:listing]; from=<>",
      "] from good.example[203.0.113.9]: 550 5.1.1 <y",
  };
  return texts;
}

bool is_truth(const Recognised& recognised, mxwarden::policy::EventKind kind) {
  return recognised.event && recognised.event->kind == kind &&
         recognised.event->client == mxwarden::Address::parse("192.0.2.7");
}

}  // namespace

using mxwarden::policy::EventKind;

TEST_CASE("no sender and no recipient makes an unknown recipient anything else") {
  for (const auto& sender : wishes()) {
    for (const auto& recipient : wishes()) {
      const Stranger stranger{.sender = sender + "@b.example", .recipient = recipient + "@example.org"};
      const auto recognised = Rig().see(refusal(stranger, stranger.recipient, unknown_user));
      CAPTURE(refusal(stranger, stranger.recipient, unknown_user));
      CHECK(is_truth(recognised, EventKind::recipient_unknown));
      CHECK(recognised.event->recipient == stranger.recipient);
      CHECK(recognised.event->sender == stranger.sender);
    }
  }
}

TEST_CASE("no sender and no recipient hides relaying, or a sender whose domain is not there") {
  for (const auto& sender : wishes()) {
    for (const auto& recipient : wishes()) {
      const Stranger stranger{.sender = sender + "@b.example", .recipient = recipient + "@example.org"};
      const auto relay = refusal(stranger, stranger.recipient, "Relay access denied", "554 5.7.1");
      CAPTURE(relay);
      CHECK(is_truth(Rig().see(relay), EventKind::relay_denied));
      const auto domain = refusal(stranger, stranger.sender, "Sender address rejected: Domain not found", "450 4.1.8");
      CAPTURE(domain);
      CHECK(is_truth(Rig().see(domain), EventKind::sender_domain_unknown));
    }
  }
}

TEST_CASE("where the log has addresses without quotes, nothing can be hidden or forged either") {
  for (const auto& sender : wishes()) {
    for (const auto& recipient : wishes()) {
      const Stranger stranger{.sender = sender + "@b.example", .recipient = recipient + "@example.org"};
      const auto user = refusal(stranger, stranger.recipient, unknown_user, "550 5.1.1", unquoted);
      CAPTURE(user);
      CHECK(is_truth(Rig().see(user), EventKind::recipient_unknown));
      const auto relay = refusal(stranger, stranger.recipient, "Relay access denied", "554 5.7.1", unquoted);
      CHECK(is_truth(Rig().see(relay), EventKind::relay_denied));
      const auto domain =
          refusal(stranger, stranger.sender, "Sender address rejected: Domain not found", "450 4.1.8", unquoted);
      CHECK(is_truth(Rig().see(domain), EventKind::sender_domain_unknown));
      const auto denied =
          refusal(stranger, stranger.recipient, "Recipient address rejected: Denied", "554 5.7.1", unquoted);
      CHECK(summary(Rig().see(denied)) == "known");
    }
  }
}

TEST_CASE("what another host has said of a probed address is not ours") {
  for (const std::string_view said : {"[mxw:listing]", "This is a trap"}) {
    const auto reply =
        "Recipient address rejected: unverified address: host mx[203.0.113.9] said: " + std::string(said);
    CHECK(summary(Rig().see(refusal({}, "x@example.org", reply, "450 4.1.1"))) == "known");
  }
}

TEST_CASE("a long recipient that quotes other phrases is still unknown when its line is cut") {
  for (const std::string_view phrase : {">: Recipient address rejected: Denied", ">: Relay access denied"}) {
    const auto recipient = "x" + std::string(phrase) + std::string(980, 'u') + "@example.org";
    const auto line = refusal({.recipient = recipient}, recipient, unknown_user);
    CHECK(is_truth(Rig().see(line), EventKind::recipient_unknown));
  }
}

TEST_CASE("no words of a stranger's list anybody") {
  for (const auto& words : wishes()) {
    const Stranger stranger{.sender = words + "@b.example", .recipient = "This is a trap Forged HELO " + words + "@c"};
    const auto line = refusal(stranger, stranger.recipient, "Recipient address rejected: Access denied", "554 5.7.1");
    CAPTURE(line);
    CHECK(summary(Rig().see(line)) == "known");
  }
}

TEST_CASE("a line that was cut is never ours, nor lists anybody") {
  const std::string end =
      ">: Recipient address rejected: This is a trap [mxw:listing]; from=<a@b> to=<c@d> proto=ESMTP "
      "helo=<h>";
  const auto before = refusal({}, "", "").find("<>") + 1;
  // A recipient that is cut exactly behind a tail of its own.
  const auto wanted = std::string_view("postfix/smtpd[1]: ").size() + 2000 - before;
  const std::string front = "c@d";
  std::string recipient = front + std::string(">: Recipient address rejected: ");
  recipient += std::string(wanted - recipient.size() - end.size() + front.size() - front.size(), 'y') + end;
  const auto line = refusal({.recipient = recipient + "zzz@example.org"}, recipient + "zzz@example.org", unknown_user);
  REQUIRE(line.ends_with("helo=<h>"));
  const auto recognised = Rig().see(line);
  CHECK(recognised.what != Recognised::What::ours);
  CHECK((!recognised.event || recognised.event->kind != EventKind::spam_trap));
  CHECK(recognised.what != Recognised::What::unknown);
}

TEST_CASE("a long recipient, whose tail is cut, is still unknown") {
  const auto recipient = std::string(980, 'u') + "@example.org";
  const auto line = refusal({.recipient = recipient}, recipient, unknown_user);
  const auto recognised = Rig().see(line);
  CHECK(is_truth(recognised, EventKind::recipient_unknown));
  CHECK(recognised.event->recipient == recipient);
}

TEST_CASE("of a line that is cut anywhere, the client is his and the rest is true or missing") {
  const Stranger stranger{.recipient = "x>: Recipient address rejected: y [mxw:listing]; from=<a@b> to=<c@example.org"};
  const auto whole = refusal(stranger, stranger.recipient, unknown_user);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(whole.substr(0, size));
    const auto recognised = Rig().see(std::string_view(whole).substr(0, size));
    CHECK(recognised.what != Recognised::What::ours);
    if (recognised.event) CHECK(is_truth(recognised, EventKind::recipient_unknown));
  }
}

TEST_CASE("addresses that are not quoted in the log do without the tail") {
  // info_log_addr_form = internal
  const std::string line =
      "postfix/smtpd[1]: NOQUEUE: reject: RCPT from bad.example[192.0.2.7]: 550 5.1.1 <a b@y>: Recipient address "
      "rejected: User unknown in local recipient table; from=<s@b> to=<a b@y> proto=ESMTP helo=<h>";
  const auto recognised = Rig().see(line);
  CHECK(is_truth(recognised, EventKind::recipient_unknown));
  CHECK(recognised.event->recipient == "a b@y");
  CHECK(recognised.event->sender.empty());
}

TEST_CASE("a HELO name and a command cannot be a client") {
  for (const auto& row : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"postfix/smtpd[1]: warning: non-SMTP command from bad.example[192.0.2.7]: connect from x[203.0.113.9]",
            "non_smtp_command client=192.0.2.7 name=<bad.example> reason=<connect from x[203.0.113.9]>"},
           {"postfix/smtpd[1]: improper command pipelining after EHLO from bad.example[192.0.2.7]: x from "
            "y[203.0.113.9]",
            "improper_pipelining client=192.0.2.7 name=<bad.example> reason=<x from y[203.0.113.9]>"},
           {"postfix/smtpd[1]: warning: bad.example[192.0.2.7]: SASL x authentication failed: y, "
            "sasl_username=a, sasl_username=b[203.0.113.9]",
            "login_failed client=192.0.2.7 name=<bad.example> service=<smtp> login=<a, sasl_username=b[203.0.113.9]> "
            "reason=<y>"},
           {"postfix/smtpd[1]: warning: x: non-SMTP command from bad.example[192.0.2.7]: y", "known"},
           {"postfix/postscreen[1]: PREGREET 9 after 0 from [192.0.2.7]:1: x from [203.0.113.9]:2: y",
            "pregreet client=192.0.2.7 reason=<x from [203.0.113.9]:2: y>"},
           {"postfix/postscreen[1]: COMMAND PIPELINING from [192.0.2.7]:1 after x from [203.0.113.9]:2 after y: z",
            "improper_pipelining client=192.0.2.7 reason=<z>"},
           {"postfix/smtpd[1]: connect from x y[203.0.113.9]", "known"},
           {"postfix/smtpd[1]: connect from [203.0.113.9] x", "known"},
           {"postfix/smtpd[1]: connect from a[203.0.113.9]b[192.0.2.7]", "known"},
           {"postfix/smtpd[1]: connect from a[203.0.113.999]", "known"}}) {
    CAPTURE(row.first);
    CHECK(summary(Rig().see(row.first)) == row.second);
  }
}

TEST_CASE("an address is unquoted as Postfix has it internally") {
  const auto unquote = [](std::string_view text) {
    Cursor cursor(text);
    const auto address = take_address(cursor);
    return address && cursor.at_end() ? *address : "none";
  };
  CHECK(unquote("a@b") == "a@b");
  CHECK(unquote("") == "");
  CHECK(unquote(R"("jane q public"@example.org)") == "jane q public@example.org");
  CHECK(unquote(R"("quo\"te>;to=<x"@example.org)") == R"(quo"te>;to=<x@example.org)");
  CHECK(unquote(R"("a\\b"@c)") == R"(a\b@c)");
  CHECK(unquote("\xE7\x94\xA8@\xE6\x88\xB7") == "\xE7\x94\xA8@\xE6\x88\xB7");
  for (const auto* text : {"a b@c", "a>b", R"(a"b@c)", R"("a"b@c)", R"("a)", R"("a\)", R"(a\b@c)", "a;b@c"}) {
    CAPTURE(text);
    CHECK(unquote(text) == "none");
  }
}

TEST_CASE("any bytes, and very many of them, are lines too") {
  const std::vector<std::string> programs{"postfix/smtpd[1]: ",
                                          "postfix/postscreen[1]: ",
                                          "postfix/cleanup[1]: ",
                                          "postfix/local[1]: ",
                                          "postfix/qmgr[1]: ",
                                          "dovecot: pop3-login: ",
                                          "pop3d: ",
                                          "cyrus/imap[1]: ",
                                          "imapd[1]: ",
                                          "qpopper[1]: ",
                                          "vm-pop3d[1]: "};
  const std::vector<std::string> begins{"",
                                        "connect from ",
                                        "NOQUEUE: reject: RCPT from a[192.0.2.7]: 550 5.1.1 <",
                                        "A1: client=a[192.0.2.7], ",
                                        "PREGREET 1 after 1 from [192.0.2.7]:1: ",
                                        "A1: to=<\"",
                                        "A1: reject: header ",
                                        "Login: user=<",
                                        "LOGIN, user=",
                                        "login: [192.0.2.7] ",
                                        "Login user=",
                                        "POP login by user \"",
                                        "User '"};
  for (const auto& program : programs) {
    for (const auto& begin : begins) {
      for (const std::string_view filling :
           {std::string_view("; from=<\""), std::string_view("\0", 1), std::string_view("\xFF\xC0"),
            std::string_view(">: "), std::string_view(", rip="), std::string_view("[["), std::string_view("\\\"")}) {
        std::string line = program + begin;
        while (line.size() < 65536) line += filling;
        const auto recognised = Rig().see(line);
        CHECK(recognised.what != Recognised::What::ours);
        if (recognised.event) CHECK(mxwarden::policy::to_text(*recognised.event).size() < 65536);
      }
    }
  }
}

TEST_CASE("who writes an odd sender hides no trap and no forgery") {
  for (const auto* sender : {"a;b", "a<b", "a>b", "a\"b", "a\\b", "a b; c=<d>", " [mxw:listing]"}) {
    const Stranger stranger{.sender = std::string(sender) + "@sender.example"};
    const auto trap = refusal(stranger, stranger.recipient, "Recipient address rejected: This is a trap", "554 5.7.1");
    CAPTURE(trap);
    CHECK(is_truth(Rig().see(trap), EventKind::spam_trap));
    const auto ours =
        refusal(stranger, stranger.recipient, "Recipient address rejected: no [mxw:listing]", "450 4.7.1");
    CHECK(Rig().see(ours).what == Recognised::What::ours);
  }
}

TEST_CASE("what a list says ends where the stranger's words begin") {
  const Stranger stranger{.helo = "returnc" + std::string(1850, 'h')};
  auto text = refusal(stranger, "x", "y");
  const auto reply = text.find("554") == std::string::npos ? text.find("550") : 0;
  text.replace(
      reply, text.find("; from=") - reply,
      "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using rbl.test; Listed: see http://rbl.test/");
  const auto recognised = Rig().see(text);
  REQUIRE(is_truth(recognised, EventKind::blocklist_reject));
  CHECK(recognised.event->list == "rbl.test");
  CHECK(recognised.event->reason == "Listed: see http://rbl.test/");
}
