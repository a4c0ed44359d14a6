#include "maillog/recogniser.hpp"

#include <algorithm>
#include <array>
#include <bitset>

#include "base/ascii.hpp"
#include "maillog/scan_cleanup.hpp"
#include "maillog/scan_delivery.hpp"
#include "maillog/scan_dovecot.hpp"
#include "maillog/scan_postfix_smtpd.hpp"
#include "maillog/scan_postscreen.hpp"
#include "maillog/scanner.hpp"

namespace mxwarden::maillog {
namespace {

// `exact', or the daemon's name behind a syslog_name of Postfix: `postfix/submission/smtpd', `postfix-out/smtpd'.
enum class Match : bool { exact, behind_postfix };

struct Program {
  std::string_view family;  // as [maillog] recognise has it
  std::string_view name;
  Match match;
  std::string_view recogniser;
  Scanner scan;
};

constexpr std::array programs{
    Program{"postfix", "smtpd", Match::behind_postfix, "postfix/smtpd", scan_postfix_smtpd},
    Program{"postfix", "postscreen", Match::behind_postfix, "postfix/postscreen", scan_postscreen},
    Program{"postfix", "cleanup", Match::behind_postfix, "postfix/cleanup", scan_cleanup},
    Program{"postfix", "qmgr", Match::behind_postfix, "postfix/queue", scan_queue},
    Program{"postfix", "pickup", Match::behind_postfix, "postfix/queue", scan_queue},
    Program{"postfix", "smtp", Match::behind_postfix, "postfix/delivery", scan_delivery},
    Program{"postfix", "lmtp", Match::behind_postfix, "postfix/delivery", scan_delivery},
    Program{"postfix", "local", Match::behind_postfix, "postfix/delivery", scan_delivery},
    Program{"postfix", "virtual", Match::behind_postfix, "postfix/delivery", scan_delivery},
    Program{"postfix", "pipe", Match::behind_postfix, "postfix/delivery", scan_delivery},
    Program{"postfix", "discard", Match::behind_postfix, "postfix/delivery", scan_delivery},
    Program{"postfix", "error", Match::behind_postfix, "postfix/delivery", scan_delivery},
    Program{"dovecot", "dovecot", Match::exact, "dovecot", scan_dovecot},
    Program{"dovecot", "pop3-login", Match::exact, "dovecot", scan_dovecot},
    Program{"dovecot", "imap-login", Match::exact, "dovecot", scan_dovecot},
    Program{"dovecot", "managesieve-login", Match::exact, "dovecot", scan_dovecot},
    Program{"dovecot", "submission-login", Match::exact, "dovecot", scan_dovecot},
};

bool matches(const Program& row, std::string_view program, std::string_view daemon) {
  return row.name == (row.match == Match::exact ? program : daemon);
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
    for (std::size_t row = 0; row < programs.size(); ++row) {
      on[row] = std::ranges::find(maillog.recognise, programs[row].family) != maillog.recognise.end();
    }
  }

  // The first that is on and knows the line.
  Recognised see(const LogLine& line) {
    Recognised recognised;
    const auto daemon = postfix_daemon(line.program);
    for (std::size_t row = 0; row < programs.size(); ++row) {
      if (!on[row] || !matches(programs[row], line.program, daemon)) continue;
      recognised = programs[row].scan({line, memory, settings});
      if (recognised.what == Recognised::What::unknown) continue;
      recognised.recogniser = programs[row].recogniser;
      break;
    }
    return recognised;
  }

  conf::Settings::Maillog settings;
  std::bitset<programs.size()> on;
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
