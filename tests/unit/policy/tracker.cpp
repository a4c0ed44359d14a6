#include "policy/tracker.hpp"

#include <doctest/doctest.h>

#include <boost/property_tree/json_parser.hpp>
#include <fstream>
#include <map>
#include <sstream>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

const std::string fixtures = MXWARDEN_TESTS_DIR "/fixtures/";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A request whose text lives as long as it does.
class Asked {
 public:
  explicit Asked(std::string text) : text_(std::move(text)) {
    std::string_view rest = text_;
    while (rest.size() > 1) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() + 1);
      const auto equals = line.find('=');
      if (equals == std::string_view::npos) continue;
      const auto attribute = find_attribute(line.substr(0, equals));
      REQUIRE(attribute);
      request_[*attribute] = line.substr(equals + 1);
    }
    request_.state = parse_protocol_state(request_[Attribute::protocol_state]);
  }
  Asked(const Asked&) = delete;

  const Request& request() const { return request_; }

 private:
  std::string text_;
  Request request_;
};

// Of a request that ends no session on its policy connection: there the place of the next one is another.
void check_preview(const View& preview, const View& view) {
  CHECK(preview.client == view.client);
  CHECK(preview.new_session == view.new_session);
  CHECK(preview.new_message == view.new_message);
  CHECK(preview.new_recipient == view.new_recipient);
  CHECK(preview.connection_counted_by == view.connection_counted_by);
  CHECK(preview.message_counted_by == view.message_counted_by);
  CHECK(preview.recipient_counted_by == view.recipient_counted_by);
  CHECK(preview.message_recipients == view.message_recipients);
  CHECK(preview.recipient == view.recipient);
  CHECK(preview.found == view.found);
  CHECK(preview.missed == view.missed);
  CHECK(preview.denies_missed == view.denies_missed);
  CHECK(preview.ended_generation == 0);
  if (view.ended_generation != 0) return;
  CHECK(preview.session == view.session);
  CHECK(preview.generation == view.generation);
}

// Asks and lets everything pass, as a server without rules would. Each request is previewed, which must tell what
// becomes of it and change nothing.
class Visit {
 public:
  View see(const std::string& text, std::uint64_t policy_connection = 1) {
    const Asked asked(text);
    auto& before = before_[policy_connection];
    const auto preview = tracker.preview(asked.request(), now);
    before = tracker.see(asked.request(), &before, now);
    const View view = before;
    check_preview(preview, view);
    tracker.settle(view, {.connection_counted_by = 1,
                          .message_counted_by = 1,
                          .recipient_counted_by = refuse ? 0U : 1U,
                          .let_pass = !refuse,
                          .awaits_post = is_awaited(asked.request()) ? asked.request()[Attribute::recipient] : ""});
    return view;
  }

  Tracker tracker{{.max_sessions = 1000}};
  Instant now{1h};
  bool refuse = false;

 private:
  bool is_awaited(const Request& request) const {
    return !refuse && request.state == ProtocolState::rcpt && request[Attribute::policy_context] == "pre";
  }

  std::map<std::uint64_t, View> before_;
};

std::string request(const std::string& state, const std::string& more = "") {
  return "protocol_state=" + state +
         "\nclient_address=192.0.2.7\nclient_port=1000\nserver_address=192.0.2.25\nserver_port=25\n" + more + "\n";
}

std::string rcpt(const std::string& recipient, const std::string& instance = "a1.65.1.0") {
  return request("RCPT", "sender=s@example.org\nrecipient=" + recipient + "\ninstance=" + instance);
}

std::string pre(const std::string& recipient, const std::string& instance = "a1.65.1.0") {
  return rcpt(recipient, instance) + "policy_context=pre\n";
}

std::string post(const std::string& recipient, const std::string& instance = "a1.65.1.0") {
  return rcpt(recipient, instance) + "policy_context=post\n";
}

std::string end_of(const std::string& recipient_count, const std::string& instance = "a1.65.1.0") {
  return request("END-OF-MESSAGE",
                 "sender=s@example.org\ninstance=" + instance + "\nqueue_id=4F\nrecipient_count=" + recipient_count);
}

}  // namespace

TEST_CASE("every recorded scenario has its sessions, messages and recipients") {
  std::istringstream expected(read_file(fixtures + "sessions/expected.txt"));
  int scenarios = 0;
  for (std::string line; std::getline(expected, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream row(line);
    std::string scenario;
    int sessions = 0;
    int messages = 0;
    int recipients = 0;
    row >> scenario >> sessions >> messages >> recipients;
    REQUIRE(row);
    CAPTURE(scenario);
    boost::property_tree::ptree recorded;
    boost::property_tree::read_json(fixtures + "sessions/" + scenario + ".json", recorded);
    Visit visit;
    int seen_sessions = 0;
    int seen_messages = 0;
    int seen_recipients = 0;
    for (const auto& [_, entry] : recorded.get_child("requests")) {
      const auto connection = std::stoull(entry.get<std::string>("policy_connection").substr(1));
      const auto view = visit.see(read_file(fixtures + "requests/" + entry.get<std::string>("file")), connection);
      seen_sessions += view.new_session;
      seen_messages += view.new_message;
      seen_recipients += view.new_recipient;
      visit.now += 1ms;
    }
    CHECK(seen_sessions == sessions);
    CHECK(seen_messages == messages);
    CHECK(seen_recipients == recipients);
    ++scenarios;
  }
  CHECK(scenarios == 82);
}

TEST_CASE("a session is seen through every spelling of the service") {
  Visit visit;
  CHECK(visit.see(rcpt("a@example.net"), 1).new_session);
  const auto again = visit.see(rcpt("a@example.net"), 2);
  CHECK_FALSE(again.new_session);
  CHECK_FALSE(again.new_message);
  CHECK_FALSE(again.new_recipient);
  CHECK(again.connection_counted_by == 1);
  CHECK(again.message_counted_by == 1);
}

TEST_CASE("a client that comes again from the same port is a new session") {
  SUBCASE("told by a CONNECT after anything else") {
    Visit visit;
    visit.see(request("CONNECT"));
    visit.see(request("EHLO"));
    CHECK(visit.see(request("CONNECT")).new_session);
  }
  SUBCASE("told by the message number that starts again") {
    Visit visit;
    visit.see(rcpt("a@example.net", "a1.65.1.0"));
    visit.see(rcpt("a@example.net", "a1.65.2.1"));
    CHECK(visit.see(rcpt("a@example.net", "a1.66.3.0")).new_session);
  }
  SUBCASE("told by more CONNECTs than any restriction list asks") {
    Visit visit;
    int sessions = 0;
    for (int at = 0; at < 80; ++at) sessions += visit.see(request("CONNECT")).new_session;
    CHECK(sessions == 27);
  }
  SUBCASE("told by a CONNECT that comes late") {
    Visit visit;
    visit.see(request("CONNECT"));
    visit.now += 11s;
    CHECK(visit.see(request("CONNECT")).new_session);
  }
}

TEST_CASE("another session on the same policy connection ends the one before") {
  Visit visit;
  visit.see(request("CONNECT"), 1);
  visit.see("protocol_state=CONNECT\nclient_address=192.0.2.8\nclient_port=2000\n\n", 1);
  CHECK(visit.tracker.sessions() == 1);
}

TEST_CASE("what was refused is asked about again") {
  Visit visit;
  visit.refuse = true;
  CHECK(visit.see(rcpt("a@example.net")).new_recipient);
  visit.refuse = false;
  const auto again = visit.see(rcpt("a@example.net"));
  CHECK(again.new_recipient);
  CHECK(again.message_recipients == 0);
  CHECK(visit.see(rcpt("b@example.net")).message_recipients == 1);
}

TEST_CASE("a recipient that one restriction list let pass and the next refused is none of the message") {
  Visit visit;
  visit.see(rcpt("a@example.net"), 1);
  visit.refuse = true;
  CHECK(visit.see(rcpt("a@example.net"), 2).message_recipients == 1);
  visit.refuse = false;
  const auto next = visit.see(rcpt("b@example.net"), 1);
  CHECK(next.message_recipients == 0);
}

TEST_CASE("of more recipients than are kept apart, the last one is known") {
  Visit visit;
  for (int at = 0; at < 1200; ++at) {
    const auto recipient = std::to_string(at) + "@example.net";
    const auto first = visit.see(rcpt(recipient));
    CHECK(first.new_recipient);
    CHECK(first.message_recipients == static_cast<std::uint32_t>(at));
    const auto again = visit.see(rcpt(recipient), 2);
    CHECK_FALSE(again.new_recipient);
    CHECK(again.recipient_counted_by == 1);
  }
}

TEST_CASE("a recipient is one however its case and its domain's dots are written") {
  Visit visit;
  visit.see(rcpt("User@Example.NET"));
  CHECK_FALSE(visit.see(rcpt("user@example.net.")).new_recipient);
  visit.see(
      rcpt("u@b\xC3\xBC"
           "cher.example"));
  CHECK_FALSE(visit.see(rcpt("u@xn--bcher-kva.example")).new_recipient);
}

TEST_CASE("a refused END-OF-MESSAGE can come again as one more message, with the recipients it had") {
  Visit visit;
  visit.see(rcpt("a@example.net"));
  CHECK_FALSE(visit.see(request("END-OF-MESSAGE", "instance=a1.65.1.0\nqueue_id=A1")).new_message);
  CHECK_FALSE(visit.see(request("END-OF-MESSAGE", "instance=a1.65.1.0\nqueue_id=A1")).new_message);
  const auto view = visit.see(request("END-OF-MESSAGE", "instance=a1.65.1.0\nqueue_id=B2"));
  CHECK(view.new_message);
  CHECK(view.message_counted_by == 0);
  CHECK(view.message_recipients == 1);
}

TEST_CASE("the recipients of a message are kept by name where a rule wants it") {
  Visit visit;
  const auto let_pass = [&](const std::string& recipient, bool passes = true) {
    const Asked asked(rcpt(recipient));
    const auto view = visit.tracker.see(asked.request(), nullptr, visit.now);
    visit.tracker.settle(view, {.let_pass = passes, .recipient = asked.request()[Attribute::recipient]});
  };
  const auto at_end = [&](const std::string& recipient, const std::string& queue_id) {
    const Asked asked(request("END-OF-MESSAGE", "sender=s@example.org\ninstance=a1.65.1.0\nrecipient=" + recipient +
                                                    "\nqueue_id=" + queue_id));
    const auto view = visit.tracker.see(asked.request(), nullptr, visit.now);
    const auto names = visit.tracker.recipients(view, asked.request());
    visit.tracker.settle(view, {.let_pass = true});
    return std::pair(view.delivered, std::vector<std::string>(names.begin(), names.end()));
  };
  using Names = std::vector<std::string>;

  let_pass("Bob@Example.Org.");
  let_pass("bob@example.org");
  let_pass("refused@example.org", false);
  let_pass("late@example.org");
  let_pass("late@example.org", false);
  let_pass("carol@example.org");
  visit.see(rcpt("nobody-asks@example.org"));
  CHECK(at_end("", "A1") == std::pair(false, Names{"bob@example.org", "carol@example.org"}));
  // Of one that is left its own name is known.
  CHECK(at_end("carol@EXAMPLE.org", "A2") == std::pair(true, Names{"carol@example.org"}));
  CHECK(at_end("stranger@example.org", "A3") == std::pair(true, Names{}));

  // Another message has none of them.
  const Asked next(rcpt("bob@example.org", "a1.65.2.1"));
  const auto view = visit.tracker.see(next.request(), nullptr, visit.now);
  CHECK_FALSE(view.delivered);
  CHECK(visit.tracker.recipients(view, next.request()).empty());
}

TEST_CASE("what a refused END-OF-MESSAGE has not delivered is to be delivered still") {
  Visit visit;
  visit.see(rcpt("a@example.net"));
  visit.refuse = true;
  CHECK_FALSE(visit.see(request("END-OF-MESSAGE", "instance=a1.65.1.0\nqueue_id=A1")).delivered);
  visit.refuse = false;
  CHECK_FALSE(visit.see(request("END-OF-MESSAGE", "instance=a1.65.1.0\nqueue_id=B2")).delivered);
  CHECK(visit.see(request("END-OF-MESSAGE", "instance=a1.65.1.0\nqueue_id=B2")).delivered);
}

TEST_CASE("names of recipients are bounded") {
  Tracker tracker{{.max_sessions = 10}};
  View view;
  for (int number = 0; number < 900; ++number) {
    const Asked asked(rcpt(std::string(100, 'u') + std::to_string(number) + "@example.org"));
    view = tracker.see(asked.request(), nullptr, Instant{1h});
    tracker.settle(view, {.let_pass = true, .recipient = asked.request()[Attribute::recipient]});
  }
  const Asked end(request("END-OF-MESSAGE", "sender=s@example.org\ninstance=a1.65.1.0\nqueue_id=A1"));
  view = tracker.see(end.request(), nullptr, Instant{1h});
  std::size_t size = 0;
  for (const auto name : tracker.recipients(view, end.request())) size += name.size() + 1;
  CHECK(size <= 16 * 1024);
  CHECK(size > 15 * 1024);
}

TEST_CASE("sessions that were there at the start are not new and count as counted") {
  Visit visit;
  const TcpConnection connection{*Address::parse("192.0.2.7"), 1000, *Address::parse("192.0.2.25"), 25};
  visit.tracker.adopt({&connection, 1}, visit.now);
  const auto view = visit.see(rcpt("a@example.net"));
  CHECK_FALSE(view.new_session);
  CHECK(view.connection_counted_by == ~RuleMask{0});
}

TEST_CASE("the address `unknown' is no client, and its sessions are told apart by the smtpd's pid") {
  Visit visit;
  const std::string unknown = "protocol_state=RCPT\nclient_address=unknown\nclient_port=unknown\nrecipient=a@b\n";
  const auto first = visit.see(unknown + "instance=a1.65.1.0\n\n", 1);
  CHECK_FALSE(first.client);
  CHECK(first.new_session);
  CHECK(visit.see(unknown + "instance=b2.65.1.0\n\n", 2).new_session);
  CHECK_FALSE(visit.see(unknown + "instance=a1.65.2.1\n\n", 1).new_session);
}

TEST_CASE("no more sessions are kept than allowed, and idle ones are forgotten") {
  Tracker tracker({.max_sessions = 10, .idle = 60s});
  Instant now{1h};
  for (int port = 1; port <= 25; ++port) {
    const Asked asked("protocol_state=CONNECT\nclient_address=192.0.2.7\nclient_port=" + std::to_string(port) + "\n\n");
    tracker.see(asked.request(), nullptr, now);
    now += 1s;
  }
  CHECK(tracker.sessions() == 10);
  tracker.tick(now + 54s);
  CHECK(tracker.sessions() == 5);
  tracker.tick(now + 60s);
  CHECK(tracker.sessions() == 0);
}

TEST_CASE("after a change of rules what is known counts as counted") {
  Visit visit;
  visit.see(rcpt("a@example.net"));
  visit.tracker.rules_changed();
  CHECK(visit.see(rcpt("b@example.net")).message_counted_by == ~RuleMask{0});
  CHECK(visit.see(rcpt("b@example.net", "a1.65.2.1")).message_counted_by == 0);
}

TEST_CASE("a recipient whose post comes is found, one whose post does not come is missed by what comes next") {
  struct Row {
    std::string label;
    std::string next;
  };
  for (const auto& [label, next] : {
           Row{"another recipient", pre("b@example.org")},
           Row{"another recipient in another list", rcpt("b@example.org")},
           Row{"the same one in the next message", pre("a@example.org", "a1.65.1.1")},
           Row{"DATA", request("DATA", "instance=a1.65.1.0\nrecipient_count=0")},
           Row{"END-OF-MESSAGE", end_of("0")},
           Row{"MAIL", request("MAIL", "sender=t@example.org")},
           Row{"EHLO", request("EHLO")},
           Row{"VRFY", request("VRFY", "recipient=b@example.org")},
       }) {
    CAPTURE(label);
    Visit visit;
    CHECK(visit.see(pre("a@example.org")).missed.empty());
    const auto view = visit.see(next);
    CHECK(view.missed == "a@example.org");
    CHECK_FALSE(view.found);
    // Once.
    CHECK(visit.see(request("RSET")).missed.empty());
  }
  Visit visit;
  visit.see(pre("a@example.org"));
  CHECK(visit.see(post("a@example.org"), 2).found);
  CHECK(visit.see(pre("b@example.org")).missed.empty());
}

TEST_CASE("a recipient that several lists ask about is awaited until its post comes") {
  Visit visit;
  visit.see(pre("a@example.org"));
  CHECK(visit.see(pre("A@Example.org")).missed.empty());
  CHECK(visit.see(rcpt("a@example.org"), 2).missed.empty());
  CHECK(visit.see(post("a@example.org"), 3).missed.empty());
  CHECK(visit.see(post("a@example.org"), 3).missed.empty());
  CHECK(visit.see(end_of("1")).missed.empty());
}

TEST_CASE("nothing is missed of a recipient that was refused, and nothing by a session that ends") {
  Visit refusing;
  refusing.refuse = true;
  refusing.see(pre("a@example.org"));
  CHECK(refusing.see(pre("b@example.org")).missed.empty());

  Visit another_client;
  another_client.see(pre("a@example.org"));
  const auto other = another_client.see("protocol_state=CONNECT\nclient_address=192.0.2.8\nclient_port=7\n");
  CHECK(other.missed.empty());
  CHECK(other.ended_generation != 0);
  CHECK(another_client.see(request("CONNECT")).missed.empty());

  for (const auto& next : {request("CONNECT"), request("XCLIENT"), pre("b@example.org", "a1.70.1.0")}) {
    CAPTURE(next);
    Visit same_port;
    same_port.see(request("CONNECT"));
    same_port.see(pre("a@example.org"));
    const auto view = same_port.see(next);
    CHECK(view.new_session);
    CHECK(view.missed.empty());
  }
}

TEST_CASE("more accepted recipients than posts at the end of a message deny what it has missed") {
  Visit visit;
  visit.see(pre("a@example.org"));
  visit.see(post("a@example.org"));
  visit.see(pre("b@example.org"));
  const auto last = visit.see(pre("c@example.org"));
  CHECK(last.missed == "b@example.org");
  CHECK(last.missed_in == last.message);
  visit.see(post("c@example.org"));
  CHECK_FALSE(visit.see(request("DATA", "instance=a1.65.1.0\nrecipient_count=2")).denies_missed);
  CHECK(visit.see(end_of("3")).denies_missed);
  CHECK_FALSE(visit.see(pre("d@example.org", "a1.65.1.1")).denies_missed);
  visit.see(post("d@example.org", "a1.65.1.1"));
  CHECK_FALSE(visit.see(end_of("2", "a1.65.1.1")).denies_missed);  // it has missed nothing
}

TEST_CASE("one more accepted recipient than posts does not deny many that were missed") {
  Visit visit;
  for (const auto* unknown : {"a@example.org", "b@example.org", "c@example.org"}) visit.see(pre(unknown));
  visit.see(pre("d@example.org"));
  visit.see(post("d@example.org"));
  CHECK_FALSE(visit.see(end_of("2")).denies_missed);  // a bare `postmaster'
  CHECK(visit.see(end_of("3")).denies_missed);
}

TEST_CASE("the question about relaying leaves it to the next one to show what was missed") {
  Visit visit;
  visit.see(pre("a@example.org"));
  CHECK(visit.see(rcpt("b@example.org", "a1.65.1.0") + "policy_context=relay\n").missed.empty());
  CHECK(visit.see(pre("b@example.org")).missed == "a@example.org");
  // Of the last message.
  CHECK(visit.see(rcpt("c@example.org", "a1.65.1.1") + "policy_context=relay\n").missed.empty());
  const auto shown = visit.see(pre("c@example.org", "a1.65.1.1"));
  CHECK(shown.missed == "b@example.org");
  CHECK(shown.missed_in != shown.message);
  visit.see(post("c@example.org", "a1.65.1.1"));
  CHECK_FALSE(visit.see(end_of("2", "a1.65.1.1")).denies_missed);
}

TEST_CASE("what is suspected in a message is its own, whatever command shows it") {
  Tracker tracker({.max_sessions = 10});
  View before;
  const auto see = [&](const std::string& text) {
    const Asked asked(text);
    auto view = tracker.see(asked.request(), &before, Instant(1h));
    // As a RecipientWatch does that suspects each.
    if (!view.missed.empty() && view.missed_in == view.message) ++view.message_suspected;
    tracker.settle(view, {.connection_counted_by = 0,
                          .message_counted_by = 0,
                          .recipient_counted_by = 0,
                          .let_pass = true,
                          .awaits_post = asked.request()[Attribute::recipient]});
    before = view;
    return view.message_suspected;
  };
  CHECK(see(pre("a@example.org")) == 0);
  CHECK(see(pre("b@example.org")) == 1);
  CHECK(see(request("VRFY")) == 2);
  CHECK(see(pre("c@example.org")) == 2);
  CHECK(see(request("DATA", "instance=a1.65.1.0\nrecipient_count=0")) == 3);
  CHECK(see(request("MAIL", "sender=t@example.org")) == 0);
  CHECK(see(pre("d@example.org", "a1.65.1.1")) == 0);
  CHECK(see(pre("e@example.org", "a1.65.1.2")) == 0);
}

TEST_CASE("a recipient that is longer than an address may be is not awaited") {
  Visit visit;
  visit.see(pre(std::string(400, 'a') + "@example.org"));
  CHECK(visit.see(end_of("0")).missed.empty());
}

}  // namespace mxwarden::policy
