#pragma once
// One limit, as `[limit NAME]` says it; [client_rate], [message_recipients], [login_rate] and others are limits with
// most of it given.
//
//   key    = client_address/24 + sender.domain    attributes joined by +; `/24` or `/24/56` cut an address (IPv4/IPv6),
//                                                 `.domain` takes what follows the last @
//   stage  = CONNECT | MAIL | RCPT | DATA | END-OF-MESSAGE
//   count  = connections | messages | recipients | bytes | distinct recipients | distinct clients
//   window = 60s 1h                               or `message`: within one message, recipients only
//   limit  = 60 600                               one for each window; 0: no limit
//   when   = not logged in and server_port in 587 465 and helo_name ~ ^\[
//   action = 450 4.7.1 Too much mail
//   mode   = enforce | monitor | off

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/attribute.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "conf/action.hpp"

namespace mxwarden::conf {

// monitor: counts, logs what it would have answered, lets pass.
enum class Mode : std::uint8_t { enforce, monitor, off };

// sasl_username, sasl_method and sasl_sender: empty without a login.
bool comes_with_login(Attribute attribute);

struct KeyPart {
  enum class Form : std::uint8_t { whole, domain, prefix };
  Attribute attribute{};
  Form form = Form::whole;
  int ipv4_prefix = 0;  // for Form::prefix; 0: as [client] ipv4_prefix and ipv6_prefix say
  int ipv6_prefix = 0;
};

struct Key {
  std::vector<KeyPart> parts;
  std::string text;  // as it was written

  static Result<Key> parse(std::string_view text);
  // A key with client_address (or a client's names) is about the client: trusted and logged-in clients are exempt from
  // it unless `when` asks for them.
  bool about_client() const;
  // A part is sasl_username, sasl_method or sasl_sender: such a limit concerns logged-in clients, who are then not
  // exempt from it though its key is about the client.
  bool asks_for_login() const;
};

enum class Counted : std::uint8_t { connections, messages, recipients, bytes, distinct_recipients, distinct_clients };

// A regular expression in RE2 syntax, which matches in time linear in the text: the text is a stranger's. Case does
// not matter, unless the expression says (?-i).
class Pattern {
 public:
  static Result<Pattern> parse(std::string_view text);
  bool matches(std::string_view text) const;  // anywhere in the text

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

struct Condition {
  enum class Test : std::uint8_t { logged_in, attribute_in, listener_in, attribute_matches, listener_matches };
  Test test{};
  bool negated = false;  // `not logged in`, `!=`, `not in`, `!~`
  Attribute attribute{};
  std::vector<std::string> values;  // `=` has one; compared without regard to case
  Pattern pattern;
};

// All conditions hold. Empty: always.
struct When {
  std::vector<Condition> conditions;
  std::string text;

  // CONDITION [and CONDITION]...; a value with blanks stands in double quotes.
  static Result<When> parse(std::string_view text);
  // Some condition is `logged in`, not negated, or tests what only a login gives (sasl_username, sasl_method,
  // sasl_sender).
  bool asks_for_login() const;
};

struct LimitWindow {
  Duration length{};
  std::uint64_t limit = 0;  // 0: no limit
};

struct Limit {
  std::string name;
  Mode mode = Mode::enforce;
  Key key;
  ProtocolState stage =
      ProtocolState::connect;  // for connections: connect, meaning a session's first request of any state
  Counted counted = Counted::connections;
  std::vector<LimitWindow> windows;  // with per_message: one, without a length
  bool per_message = false;
  When when;
  Action action;
};

}  // namespace mxwarden::conf
