#include "policy/decision_filter.hpp"

#include <doctest/doctest.h>

namespace mxwarden::policy {
namespace {

using Wanted = DecisionFilter::Wanted;

Request request() {
  Request request;
  request[Attribute::client_address] = "192.0.2.7";
  request[Attribute::protocol_state] = "RCPT";
  request[Attribute::sender] = "Anna@Sender.Example";
  request[Attribute::recipient] =
      "bob@b\xC3\xBC"
      "cher.example";
  request[Attribute::sasl_username] = "Joe";
  return request;
}

Verdict verdict(conf::Mode mode = conf::Mode::enforce) {
  Verdict verdict;
  verdict.rule = "client_rate";
  verdict.mode = mode;
  verdict.action = "421 4.7.0 Too many [mxw:client_rate]";
  verdict.refuses = true;
  return verdict;
}

bool passes(const Wanted& wanted, const Verdict* verdict, const Request& of = request()) {
  return DecisionFilter(wanted).passes(of, verdict);
}

std::optional<Prefix> net(std::string_view text) {
  return Prefix::parse(text).value();
}

}  // namespace

TEST_CASE("each thing that is wanted is looked at") {
  const auto refusal = verdict();
  struct Row {
    const char* label;
    Wanted wanted;
    bool passes;
  };
  for (const auto& row : {
           Row{"nothing", {}, true},
           Row{"the address", {.client = net("192.0.2.7")}, true},
           Row{"another address", {.client = net("192.0.2.8")}, false},
           Row{"its net", {.client = net("192.0.2.0/24")}, true},
           Row{"another net", {.client = net("198.51.100.0/24")}, false},
           Row{"another family", {.client = net("::/0")}, false},
           Row{"the rule", {.rule = "client_rate"}, true},
           Row{"another rule", {.rule = "client"}, false},
           Row{"the word", {.action = "421"}, true},
           Row{"a part of the word", {.action = "42"}, false},
           Row{"another word", {.action = "DUNNO"}, false},
           Row{"the state", {.state = "rcpt"}, true},
           Row{"another state", {.state = "MAIL"}, false},
           Row{"the sender, whatever its case", {.sender = "aNNa@sender.EXAMPLE"}, true},
           Row{"the sender with a dot at its end", {.sender = "anna@sender.example."}, true},
           Row{"another sender", {.sender = "hanna@sender.example"}, false},
           Row{"the sender's domain", {.sender = "@Sender.example"}, true},
           Row{"a domain above it", {.sender = "@example"}, false},
           Row{"a sender of no domain", {.sender = "@"}, false},
           Row{"the recipient in another form", {.recipient = "bob@xn--bcher-kva.example"}, true},
           Row{"the recipient's domain",
               {.recipient = "@b\xC3\xBC"
                             "cher.example"},
               true},
           Row{"another recipient", {.recipient = "anna@sender.example"}, false},
           Row{"the login", {.login = "joe"}, true},
           Row{"a login of a domain", {.login = "@sender.example"}, false},
           Row{"another login", {.login = "jo"}, false},
           Row{"refused", {.refused = true}, true},
           Row{"all of it",
               {.client = net("192.0.2.7"), .rule = "client_rate", .action = "421", .state = "RCPT"},
               true},
           Row{"all of it but one", {.client = net("192.0.2.7"), .rule = "client_conn", .action = "421"}, false},
       }) {
    CAPTURE(row.label);
    CHECK(passes(row.wanted, &refusal) == row.passes);
  }
}

TEST_CASE("what nobody had anything against is seen by who asks for something, or for all") {
  CHECK_FALSE(passes({}, nullptr));
  CHECK(passes({.all = true}, nullptr));
  CHECK(passes({.client = net("192.0.2.7")}, nullptr));
  CHECK(passes({.action = "dunno"}, nullptr));
  CHECK_FALSE(passes({.rule = "client_rate"}, nullptr));
  CHECK_FALSE(passes({.refused = true}, nullptr));
  CHECK_FALSE(passes({.refused = true, .all = true}, nullptr));
  CHECK_FALSE(passes({.client = net("192.0.2.7"), .refused = true}, nullptr));
}

TEST_CASE("what was only thought of is no refusal, and answered DUNNO") {
  const auto thought = verdict(conf::Mode::monitor);
  CHECK(passes({}, &thought));
  CHECK(passes({.rule = "client_rate"}, &thought));
  CHECK(passes({.action = "DUNNO"}, &thought));
  CHECK_FALSE(passes({.action = "421"}, &thought));
  CHECK_FALSE(passes({.refused = true}, &thought));
}

TEST_CASE("what is not known is not what is wanted") {
  auto unknown = request();
  unknown[Attribute::client_address] = "unknown";
  unknown[Attribute::sender] = "";
  const auto refusal = verdict();
  CHECK_FALSE(passes({.client = net("0.0.0.0/0")}, &refusal, unknown));
  CHECK_FALSE(passes({.sender = "anna@sender.example"}, &refusal, unknown));
  CHECK_FALSE(passes({.sender = "@sender.example"}, &refusal, unknown));
  CHECK(passes({.rule = "client_rate"}, &refusal, unknown));
}

}  // namespace mxwarden::policy
