#include "maillog/recognise/recogniser.hpp"

#include <algorithm>
#include <array>
#include <bitset>

#include "base/ascii.hpp"
#include "maillog/recognise/scan_cleanup.hpp"
#include "maillog/recognise/scan_courier.hpp"
#include "maillog/recognise/scan_cyrus.hpp"
#include "maillog/recognise/scan_delivery.hpp"
#include "maillog/recognise/scan_dovecot.hpp"
#include "maillog/recognise/scan_postfix_smtpd.hpp"
#include "maillog/recognise/scan_postscreen.hpp"
#include "maillog/recognise/scan_uw.hpp"
#include "maillog/recognise/scan_vm_pop3d.hpp"
#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {
namespace {

// How a program is known by its name in the log.
enum class Match : std::uint8_t {
  exact,
  begin,          // `cyrus/imaps'
  behind_postfix  // the daemon behind a syslog_name of Postfix: `postfix/submission/smtpd', `postfix-out/smtpd'
};

struct Row {
  std::string_view family;  // as [maillog] recognise has it
  std::string_view recogniser;
  Scanner scan;
  Match match;
  std::array<std::string_view, 8> programs;
};

// Of those that are on, the first that knows a line has it.
constexpr std::array table{
    Row{"postfix", "postfix/smtpd", scan_postfix_smtpd, Match::behind_postfix, {"smtpd"}},
    Row{"postfix", "postfix/postscreen", scan_postscreen, Match::behind_postfix, {"postscreen"}},
    Row{"postfix", "postfix/cleanup", scan_cleanup, Match::behind_postfix, {"cleanup"}},
    Row{"postfix", "postfix/queue", scan_queue, Match::behind_postfix, {"qmgr", "pickup"}},
    Row{"postfix",
        "postfix/delivery",
        scan_delivery,
        Match::behind_postfix,
        {"smtp", "lmtp", "local", "virtual", "pipe", "discard"}},
    Row{"dovecot",
        "dovecot",
        scan_dovecot,
        Match::exact,
        {"dovecot", "pop3-login", "imap-login", "managesieve-login", "submission-login"}},
    Row{"courier",
        "courier",
        scan_courier,
        Match::exact,
        {"pop3d", "pop3d-ssl", "imapd", "imapd-ssl", "pop3login", "imaplogin", "courierpop3login", "courierimaplogin"}},
    Row{"cyrus", "cyrus", scan_cyrus, Match::begin, {"cyrus/"}},
    Row{"cyrus", "cyrus", scan_cyrus, Match::exact, {"imap", "imaps", "pop3", "pop3s", "sieve"}},
    Row{"uw", "uw", scan_uw, Match::exact, {"imapd", "ipop3d", "ipop2d"}},
    Row{"qpopper", "qpopper", scan_qpopper, Match::exact, {"qpopper", "in.qpopper", "popper", "in.popper"}},
    Row{"vm-pop3d", "vm-pop3d", scan_vm_pop3d, Match::exact, {"vm-pop3d"}},
};

bool matches(const Row& row, std::string_view program, std::string_view daemon) {
  const auto text = row.match == Match::behind_postfix ? daemon : program;
  if (text.empty()) return false;
  for (const auto name : row.programs) {
    if (name.empty()) return false;
    if (row.match == Match::begin ? text.starts_with(name) : text == name) return true;
  }
  return false;
}

// Of a daemon of Postfix; empty for another program.
std::string_view postfix_daemon(std::string_view program) {
  if (!program.starts_with("postfix")) return {};
  const auto slash = find_last(program, '/');
  return slash == std::string_view::npos ? std::string_view{} : program.substr(slash + 1);
}

}  // namespace

struct Recogniser::State {
  void configure(const conf::Settings::Maillog& maillog) {
    settings = maillog;
    for (std::size_t row = 0; row < table.size(); ++row) {
      on[row] = std::ranges::find(maillog.recognise, table[row].family) != maillog.recognise.end();
    }
  }

  // The first that is on and knows the line.
  Recognised see(const LogLine& line) {
    Recognised recognised;
    const auto daemon = postfix_daemon(line.program);
    for (std::size_t row = 0; row < table.size(); ++row) {
      if (!on[row] || !matches(table[row], line.program, daemon)) continue;
      recognised = table[row].scan({line, memory, settings});
      if (recognised.what == Recognised::What::unknown) continue;
      recognised.recogniser = table[row].recogniser;
      break;
    }
    return recognised;
  }

  conf::Settings::Maillog settings;
  std::bitset<table.size()> on;
  Memory memory;
};

Recogniser::Recogniser(const conf::Settings::Maillog& settings) : state_(std::make_unique<State>()) {
  configure(settings);
}

Recogniser::~Recogniser() = default;

Recognised Recogniser::see(const LogLine& line, std::uint64_t position) {
  auto recognised = state_->see(line);
  if (recognised.event) {
    recognised.event->time = line.time;
    recognised.event->position = position;
  }
  return recognised;
}

void Recogniser::configure(const conf::Settings::Maillog& settings) {
  state_->configure(settings);
}

}  // namespace mxwarden::maillog
