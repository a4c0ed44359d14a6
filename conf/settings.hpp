#pragma once
// Every setting of mxwarden.conf, typed. What a setting is called, what it may hold, its default and its help stand
// once, in one table (conf/settings_table.hpp): the reader, --check-config, --print-config and the example file all
// come from it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "conf/fault.hpp"
#include "conf/limit.hpp"
#include "conf/sender_map.hpp"

namespace mxwarden::conf {

// inet:127.0.0.1:10040, inet:[::1]:10040
struct InetEndpoint {
  Address address;
  std::uint16_t port = 0;
};

// unix:/path[,mode=0660]
struct UnixEndpoint {
  std::string path;
  unsigned mode = 0660;
};

using Endpoint = std::variant<InetEndpoint, UnixEndpoint>;

// As it would be written.
std::string to_string(const Endpoint& endpoint);

struct Listen {
  Endpoint endpoint;
  std::string name;  // `,name=NAME`; else the endpoint as written
};

// When Redis cannot say: count on this node alone, let pass, or have the client come again.
enum class OnError : std::uint8_t { local, dunno, defer };

enum class Backend : std::uint8_t { embedded, redis };

// 1/30s: so many within so long. A count of 0: off.
struct Rate {
  std::uint64_t count = 0;
  Duration within{};
};

// Who tells of recipients that do not exist: the questions of Postfix before and after it looks them up, or its log.
enum class BadRecipientSource : std::uint8_t { questions, log };

// file:/path, fifo:/path, syslog:/path, journal or `-`
struct LogSource {
  enum class Kind : std::uint8_t { file, fifo, syslog, journal, standard_input };

  Kind kind = Kind::file;
  std::string path;  // of the first three

  bool operator==(const LogSource&) const = default;
};

// Where in the kernel packets are looked at.
enum class Hook : std::uint8_t { input, prerouting, forward };

struct Settings {
  struct Server {
    std::vector<Listen> listen;
    std::optional<Endpoint> http;  // nothing: no HTTP port
    std::string control;           // path of the control socket; empty: there is none
    std::string maillog_user;      // who may hand over events there, and nothing else; empty: nobody is kept to that
    std::string firewall_user;     // who may follow the bans, and nothing else; likewise
    std::string node;              // never empty
    std::size_t max_connections = 0;
    Duration idle_timeout{};
    Duration answer_within{};
  } server;

  struct Log {
    log::Level level = log::Level::info;
    std::string target;
  } log;

  struct Store {
    Backend backend = Backend::embedded;
    std::size_t max_entries = 0;
    std::string path;  // of the directory that records are kept in
  } store;

  // A file in PEM; empty: none. What it holds is read by load_configuration(), if it is used, and never printed.
  struct PemFile {
    std::string path;
    std::string content;
  };

  struct Redis {
    struct Tls {
      bool on = false;
      PemFile authorities;  // none: the system's
      PemFile certificate;  // of this node; none: it has none. With `key`, or neither
      PemFile key;
      std::string name;  // that the server's certificate must have; empty: its address
    };

    Endpoint address;                     // not used with sentinels
    std::vector<InetEndpoint> sentinels;  // they name the address of `master`; empty: there are none
    std::string master;                   // not empty with sentinels
    std::string user;
    std::string password_file;  // path; empty: no password
    std::string password;       // its first line, read by load_configuration(); never printed
    int db = 0;
    std::string prefix;
    Duration deadline{};
    OnError on_error = OnError::local;
    Tls tls;
  } redis;

  struct Client {
    int ipv4_prefix = 32;
    int ipv6_prefix = 64;
    std::string access;  // path
    std::vector<Prefix> trusted;
    std::vector<Prefix> never_ban;
    Rate good_record;  // messages unrefused; off: nobody has one
  } client;

  Limit client_conn;  // its one window is how long a node's number stands unless it is said again
  Limit client_rate;
  Limit message_recipients;
  Limit login_rate;      // recipients
  Limit login_messages;  // messages
  Limit login_sender;    // messages with a sender that is not the login's own

  // How long a client waits for the banner, and what it is told that does not.
  struct GreetPause {
    Mode mode = Mode::off;
    Duration pause{};
    Action action;
  } greet_pause;

  std::vector<Limit> limits;  // [limit NAME], in the order of the file

  // What [login_sender] knows besides of who may send as whom.
  struct LoginSenders {
    std::string map;                          // path; empty: there is none
    std::shared_ptr<const SenderMap> listed;  // what it holds, read by load_configuration(); null: nothing
  } login_senders;

  struct RelayGrant {
    Mode mode = Mode::off;
    Duration ttl{};  // after the last login
  } relay_grant;

  struct Listing {
    Mode mode = Mode::enforce;
    Duration ttl{};        // after the last hit, or the end of the last ban
    Duration dnsbl_ttl{};  // the same of what was learnt from a DNSBL
    Action action;
  } listing;

  // Who tries many recipients that do not exist guesses addresses.
  struct BadRecipient {
    Mode mode = Mode::enforce;
    BadRecipientSource source = BadRecipientSource::questions;
    std::uint64_t distinct = 0;  // more unknown recipients than this, of which
    int share = 0;               // more than so many percent of all distinct ones are unknown,
    Rate rate;                   // or more tries than this; off: no rate counts
    Duration forget{};           // how long a recipient is remembered
    Duration confirm{};          // how long one that a question was missed of is only suspected
    Duration ban{};
    Action action;
  } bad_recipient;

  // Who tries some of them in one message.
  struct BadRecipientThrottle {
    Mode mode = Mode::off;
    std::uint32_t after = 0;  // so many waits for each further answer
    Duration delay{};
  } bad_recipient_throttle;

  // Who fills a mailbox: what one client delivers from one sender to one recipient within `window`.
  struct MailBomb {
    Mode mode = Mode::monitor;
    std::uint64_t bytes = 0;     // more than this
    std::uint64_t messages = 0;  // and more than this
    Duration window{};
    When when;  // the mail that it concerns, as Postfix tells of it at RCPT
    Action action;
  } mail_bomb;

  // Of the attempts of a listed client, which are SMTP sessions that were refused.
  struct RepeatOffender {
    Mode mode = Mode::enforce;
    Rate rate;  // more than that bans for rate_ban; off: no rate does
    Duration rate_ban{};
    std::uint64_t total = 0;  // more than that in all bans for total_ban; 0: no total does
    Duration total_ban{};
    std::uint64_t growth = 1;  // by which each further ban is longer
    Duration max_ban{};
    std::uint64_t alert = 0;  // attempts from which on the operator is told; 0: never
  } repeat_offender;

  // What rules may do by themselves.
  struct Guard {
    std::size_t bans_per_minute = 0;
    int good_record_share = 0;  // percent
    int dnsbl_share = 0;        // percent
    std::size_t max_listings = 0;
    int widest_ipv4 = 32;
    int widest_ipv6 = 128;
  } guard;

  // Of mxwarden-maillog, as which settings are read by it alone.
  struct Maillog {
    LogSource source;
    std::string state;                           // of the directory where it keeps how far it has read
    std::vector<std::string> recognise;          // the programs whose lines are looked at
    std::vector<std::string> helo_forged_texts;  // what a reject says of a forged HELO name
    std::vector<std::string> sender_forged_texts;
    std::vector<std::string> spam_trap_texts;
  } maillog;

  // Of mxwarden-firewall, as which settings are read by it alone.
  struct Firewall {
    Mode mode = Mode::enforce;
    std::string table;
    Hook hook = Hook::input;
    int priority = 0;
    std::vector<std::uint16_t> ports;  // each once
    Duration min_ban{};
    std::size_t max_elements = 0;
  } firewall;
};

// section.key and value, from --set.
using Override = std::pair<std::string, std::string>;

// As long as an answer may be held back. Postfix gives up after the ten seconds that our snippets name: the pause, and
// what is waited for besides, stay below eight.
Duration longest_pause(const Settings& settings);

// The settings of a file's text, with the overrides applied last. Names every fault of the whole file; what is returned
// then is only good for looking at.
Settings parse_settings(std::string_view text, const std::string& file, const std::vector<Override>& overrides,
                        Report& report);

// Reads `file`; with `optional` a missing file means the built-in defaults.
Settings load_settings(const std::string& file, bool optional, const std::vector<Override>& overrides, Report& report);

// --print-config: the effective settings as a conf file, secrets masked. Reads back to the same settings.
std::string print_settings(const Settings& settings);

// The example mxwarden.conf: every setting with its help and default, each commented out.
std::string example_settings();

}  // namespace mxwarden::conf
