// Plays a transcript: what Postfix asks and when, against tracker, rules and an embedded store, without a socket.
//
//   # text                      a remark
//   !set section.key=value      a setting (before the first request, or later: a reload)
//   !access line                adds a line to the access table (likewise)
//   !senders line               adds a line to the map of [login_sender] (likewise)
//   !default name=value ...     attributes of every request from here on
//   !connections ADDRESS N      so many connections that client has here, each one that asks included; else 1
//   !socket FIRST [THEN]        what clients' sockets show before they are held back, and after: as
//                               policy/client_socket.hpp has it; else silent
//   !ban NET 1h RULE reason     a record; RULE `operator' is the operator's own
//   !listing NET 90d LIST reason
//   !grant ADDRESS 30m LOGIN
//   !lift KIND NET              it is gone
//   !event NAME name=value ...  what the mail log tells, now; members as policy/mail_event.hpp has them
//   !records away|back          whether other nodes can be heard
//   !restart                    the daemon starts anew; what has asked before is in the TCP table
//   +30s                        the clock moves on; then a tick, as each second
//   STATE name=value ...        a request; a value with blanks stands in double quotes; while its answer is held back,
//                               the clock moves on
//
// Printed: each line as it stands, under a request its answer, the lines of the decision log, and what it led to.
// Usage: transcript [--write] FILE.in ...   Without --write the output is compared with FILE.ref.

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "base/duration.hpp"
#include "conf/settings.hpp"
#include "policy/decision_log.hpp"
#include "policy/event_effects.hpp"
#include "policy/pipeline.hpp"
#include "policy/recipient_watch.hpp"
#include "store/embedded_store.hpp"
#include "support/memory_records.hpp"

namespace mxwarden {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

Attributes parse_attributes(std::string_view text) {
  Attributes attributes;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return attributes;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) fail(fmt::format("no value in `{}'", text));
    const std::string name(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    const bool in_quotes = text.starts_with('"');
    if (in_quotes) text.remove_prefix(1);
    const auto end = std::min(text.find(in_quotes ? '"' : ' '), text.size());
    attributes.emplace_back(name, text.substr(0, end));
    text.remove_prefix(std::min(end + (in_quotes ? 1 : 0), text.size()));
  }
}

// In the place of the kernel's table.
class FakeCounter final : public policy::ConnectionCounter {
 public:
  std::uint32_t count(const policy::Request&, const policy::View& view, std::uint64_t, Instant) override {
    if (!view.client) return 0;
    const auto known = numbers.find(*view.client);
    return known == numbers.end() ? 1 : known->second;
  }
  std::uint32_t preview(const policy::Request& request, const policy::View& view, Instant now) override {
    return count(request, view, 0, now);
  }
  void closed(const policy::View&) override {}

  std::map<Address, std::uint32_t> numbers;
};

class FakeSockets final : public policy::ClientSockets {
 public:
  policy::ClientSocket look(const policy::Request&, const policy::View&) override { return std::exchange(shows, then); }

  // Whether the client waits is not to be foreseen.
  bool is_impatient() const { return shows == policy::ClientSocket::talked || then == policy::ClientSocket::talked; }

  policy::ClientSocket shows = policy::ClientSocket::silent;
  policy::ClientSocket then = policy::ClientSocket::silent;
};

policy::ClientSocket socket_of(const std::string& word) {
  static const std::map<std::string, policy::ClientSocket> words{{"silent", policy::ClientSocket::silent},
                                                                 {"talked", policy::ClientSocket::talked},
                                                                 {"gone", policy::ClientSocket::gone},
                                                                 {"not_here", policy::ClientSocket::not_here}};
  const auto found = words.find(word);
  if (found == words.end()) fail("no socket shows " + word);
  return found->second;
}

// The daemon, as far as it has no sockets.
class Stage {
 public:
  void play(const std::string& line, std::ostream& out) {
    out_ = &out;
    out << line << '\n';
    if (line.empty() || line.starts_with('#')) return;
    if (line.starts_with('+')) {
      clock_.advance(parse_duration(line.substr(1)).value());
      if (recipients_) recipients_->tick(clock_.now(), clock_.wall_now());
    } else if (line.starts_with("!set ")) {
      const auto setting = line.substr(5);
      const auto equals = setting.find('=');
      overrides_.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
      reload();
    } else if (line.starts_with("!access ")) {
      access_text_ += line.substr(8) + '\n';
      reload();
    } else if (line.starts_with("!senders ")) {
      senders_text_ += line.substr(9) + "\n";
      reload();
    } else if (line.starts_with("!default ")) {
      defaults_ = parse_attributes(line.substr(9));
    } else if (line.starts_with("!connections ")) {
      const auto blank = line.rfind(' ');
      const auto address = Address::parse(line.substr(13, blank - 13));
      counter_.numbers[address.value()] = static_cast<std::uint32_t>(policy::to_number(line.substr(blank + 1)));
    } else if (line.starts_with("!socket ")) {
      std::istringstream words(line.substr(8));
      std::string first;
      std::string then;
      words >> first >> then;
      sockets_.shows = socket_of(first);
      sockets_.then = then.empty() ? sockets_.shows : socket_of(then);
    } else if (line.starts_with("!records ")) {
      records_.away = line == "!records away";
    } else if (line.starts_with("!lift ")) {
      lift(line.substr(6));
    } else if (line.starts_with("!ban ") || line.starts_with("!grant ") || line.starts_with("!listing ")) {
      remember(line.substr(1));
    } else if (line.starts_with("!event ")) {
      happen(line.substr(7));
    } else if (line == "!restart") {
      restart();
    } else {
      ask(line, out);
    }
  }

 private:
  // KIND NET DURATION WHO [text]
  void remember(const std::string& line) {
    std::istringstream words(line);
    std::string kind;
    std::string net;
    std::string length;
    std::string who;
    words >> kind >> net >> length >> who >> std::ws;
    std::string text;
    std::getline(words, text);
    const auto now = clock_.wall_now();
    store::Record record{.net = Prefix::parse(net).value(),
                         .until = now + std::chrono::round<WallTime::duration>(parse_duration(length).value()),
                         .what = store::Ban{.rule = who, .reason = text}};
    if (kind == "grant") record.what = store::Grant{{{.name = who, .first = now, .last = now}}};
    if (kind == "listing") {
      auto& listing = record.what.emplace<store::Listing>();
      listing.list = who;
      listing.reason = text;
      listing.first = listing.last = listing.period_began = now;
    }
    records_.put(std::move(record), [](const Result<void>& done) { done.value(); });
  }

  void lift(const std::string& line) {
    const auto blank = line.find(' ');
    const auto kind = store::parse_record_kind(line.substr(0, blank)).value();
    records_.erase(kind, Prefix::parse(line.substr(blank + 1)).value(), [](const Result<bool>& done) { done.value(); });
  }

  void happen(const std::string& line) {
    if (!pipeline_) start();
    const auto name_end = std::min(line.find(' '), line.size());
    boost::json::object object{{"event", line.substr(0, name_end)},
                               {"time", milliseconds_since_1970(clock_.wall_now())}};
    for (const auto& [name, value] : parse_attributes(line.substr(name_end))) {
      if (name == "again") {
        object[name] = value == "yes";
      } else {
        object[name] = value;
      }
    }
    policy::EventBatch batch{"transcript", ++events_, {policy::parse_mail_event(object).value()}};
    effects_->take(std::move(batch), clock_.now(), [](const Result<void>& done) { done.value(); });
    store_->flush();
  }

  void reload() {
    if (pipeline_) pipeline_->replace_engine(make_engine());
  }

  std::shared_ptr<const policy::Engine> make_engine() {
    conf::Report report;
    auto settings = conf::parse_settings("", "transcript", overrides_, report);
    settings.login_senders.listed =
        std::make_shared<conf::SenderMap>(conf::SenderMap::parse(senders_text_, "senders", report));
    auto access = std::make_shared<conf::AccessTable>(conf::AccessTable::parse(access_text_, "access", report));
    for (const auto& fault : report.faults) fail(fault.to_string());
    offences_.configure(settings, access);
    effects_->configure(settings);
    recipients_->configure(settings);
    return std::make_shared<const policy::Engine>(settings, std::move(access));
  }

  void restart() {
    pipeline_.reset();
    tracker_.emplace(policy::Tracker::Options{});
    tracker_->adopt(tcp_table_, clock_.now());
    store_.emplace(store::EmbeddedStore::Options{.max_entries = 10'000});
    start();
  }

  void start() {
    effects_.emplace(*store_, records_, offences_, say_);
    recipients_.emplace(policy::RecipientWatch::Options(), say_,
                        [this](policy::EventBatch batch, Instant now, policy::EventEffects::Done done) {
                          effects_->take(std::move(batch), now, std::move(done));
                          store_->flush();
                        });
    pipeline_.emplace(*store_, *tracker_, make_engine(),
                      policy::Pipeline::Options{.connections = &counter_,
                                                .sockets = &sockets_,
                                                .records = &records_,
                                                .offences = &offences_,
                                                .recipients = &*recipients_});
  }

  void ask(const std::string& line, std::ostream& out) {
    if (!pipeline_) start();
    const auto state_end = std::min(line.find(' '), line.size());
    Attributes attributes{{"request", "smtpd_access_policy"}, {"protocol_state", line.substr(0, state_end)}};
    for (const auto& attribute : defaults_) attributes.push_back(attribute);
    for (auto& attribute : parse_attributes(line.substr(state_end))) attributes.push_back(std::move(attribute));
    auto& request = inquiry_.request;
    request = {};
    for (const auto& [name, value] : attributes) {
      const auto attribute = find_attribute(name);
      if (name == "listener") {
        request.listener = value;
      } else if (attribute) {
        request[*attribute] = value;
      } else {
        fail("no attribute of Postfix's: " + name);
      }
    }
    request.state = parse_protocol_state(request[Attribute::protocol_state]);
    remember_connection(request);
    const auto foreseen = explained_action(request);
    const bool foreseeable = !sockets_.is_impatient();
    const auto tell = [&](const policy::Decision& decision) {
      if (foreseeable && decision.action != foreseen) {
        fail("explained before as " + foreseen + ", then " + decision.action);
      }
      out << "  action=" << decision.action << '\n';
      for (const auto& remark : decision.remarks) log(&remark, out);
      if (decision.verdict) log(&*decision.verdict, out);
    };
    std::optional<policy::Hold> hold;
    pipeline_->ask(inquiry_, clock_.now(), std::chrono::milliseconds(500), [&](const policy::Decision& decision) {
      hold = decision.hold;
      if (!hold) tell(decision);
    });
    pipeline_->flush();
    if (hold) tell(wait(*hold, out));
  }

  policy::Decision wait(policy::Hold hold, std::ostream& out) {
    for (Duration held{};;) {
      held += hold.length;
      clock_.advance(hold.length);
      auto decision = pipeline_->resume(inquiry_, held);
      if (decision.hold) {
        hold = *decision.hold;
        continue;
      }
      out << "  after " << to_string(held) << '\n';
      return decision;
    }
  }

  // Explaining must tell what comes of it, and change nothing.
  std::string explained_action(const policy::Request& request) {
    policy::Explanation explanation;
    explanation.request = request;
    std::string action;
    pipeline_->explain(explanation, clock_.now(), std::chrono::milliseconds(500),
                       [&](const policy::Explained& explained) { action = explained.decision.action; });
    pipeline_->flush();
    return action;
  }

  void log(const policy::Verdict* verdict, std::ostream& out) {
    out << "  " << policy::decision_line(inquiry_.request, verdict, store_->name(), Duration::zero()) << '\n';
  }

  // As the kernel would list it.
  void remember_connection(const policy::Request& request) {
    const auto client = Address::parse(request[Attribute::client_address]);
    const auto server = Address::parse(request[Attribute::server_address]);
    if (!client || !server) return;
    tcp_table_.push_back({*client, static_cast<std::uint16_t>(policy::to_number(request[Attribute::client_port])),
                          *server, static_cast<std::uint16_t>(policy::to_number(request[Attribute::server_port]))});
  }

  ManualClock clock_;
  std::vector<conf::Override> overrides_;
  std::string access_text_;
  std::string senders_text_;
  Attributes defaults_;
  std::vector<policy::TcpConnection> tcp_table_;
  FakeCounter counter_;
  FakeSockets sockets_;
  tests::MemoryRecords records_{clock_};
  std::ostream* out_ = nullptr;  // of the line that is played
  policy::Offences::Say say_ = [this](log::Level, const std::string& line) { *out_ << "  " << line << '\n'; };
  policy::Offences offences_{records_, say_};
  std::optional<policy::Tracker> tracker_{policy::Tracker::Options{}};
  std::optional<store::EmbeddedStore> store_{store::EmbeddedStore::Options{.max_entries = 10'000}};
  std::optional<policy::Pipeline> pipeline_;
  std::optional<policy::EventEffects> effects_;
  std::optional<policy::RecipientWatch> recipients_;
  std::uint64_t events_ = 0;
  policy::Inquiry inquiry_;
};

std::string play(const std::string& file) {
  std::ifstream input(file);
  if (!input) fail("cannot read it");
  std::ostringstream output;
  Stage stage;
  int number = 0;
  for (std::string line; std::getline(input, line);) {
    ++number;
    try {
      stage.play(line, output);
    } catch (const std::exception& fault) {
      fail(fmt::format("line {}: {}", number, fault.what()));
    }
  }
  return output.str();
}

// Says where the two part; true if nowhere.
bool same(const std::string& file, const std::string& expected, const std::string& found) {
  std::istringstream left(expected);
  std::istringstream right(found);
  for (int number = 1;; ++number) {
    std::string wanted;
    std::string got;
    const bool more_left = static_cast<bool>(std::getline(left, wanted));
    const bool more_right = static_cast<bool>(std::getline(right, got));
    if (!more_left && !more_right) return true;
    if (more_left == more_right && wanted == got) continue;
    fmt::print(stderr, "{}:{}: differs\n  expected: {}\n  found:    {}\n", file, number, more_left ? wanted : "(end)",
               more_right ? got : "(end)");
    return false;
  }
}

bool check(const std::string& file, bool write) {
  const auto reference = file.substr(0, file.rfind('.')) + ".ref";
  const auto output = play(file);
  if (write) {
    std::ofstream(reference) << output;
    return true;
  }
  std::ifstream stored(reference);
  std::ostringstream expected;
  expected << stored.rdbuf();
  return same(reference, expected.str(), output);
}

}  // namespace
}  // namespace mxwarden

int main(int argc, char** argv) {
  bool good = argc > 1;
  bool write = false;
  for (int at = 1; at < argc; ++at) {
    const std::string argument = argv[at];
    if (argument == "--write") {
      write = true;
      continue;
    }
    try {
      good = mxwarden::check(argument, write) && good;
    } catch (const std::exception& fault) {
      std::cerr << argument << ": " << fault.what() << '\n';
      good = false;
    }
  }
  return good ? 0 : 1;
}
