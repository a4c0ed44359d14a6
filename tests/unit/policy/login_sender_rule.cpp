#include "policy/login_sender_rule.hpp"

#include <doctest/doctest.h>

namespace mxwarden::policy {
namespace {

// Why the rule passes over a message; `counted' if it does not.
std::string asked(std::string_view login, std::string_view sender, std::string_view senders = {},
                  ProtocolState state = ProtocolState::rcpt) {
  conf::Report report;
  const auto settings = conf::parse_settings("", "m.conf", {}, report);
  auto listed = std::make_shared<const conf::SenderMap>(conf::SenderMap::parse(senders, "senders", report));
  REQUIRE(report.faults.empty());
  const auto rule = make_login_sender_rule(settings.login_sender, settings.client, senders.empty() ? nullptr : listed);
  Request request;
  request.state = state;
  request[Attribute::sasl_username] = login;
  request[Attribute::sender] = sender;
  const View view;
  Question question;
  question.request = &request;
  question.view = &view;
  store::Counts counts;
  const auto step = rule.plan(question, counts);
  CHECK(counts.size() == (step.kind == Step::judge ? 1 : 0));
  return step.kind == Step::pass ? std::string(step.why) : "counted";
}

TEST_CASE("whose a sender is goes by the login's domain, then by the map") {
  struct Row {
    const char* login;
    const char* sender;
    const char* senders;
    const char* says;
  };
  constexpr auto of_domain = "the sender has the login's domain";
  constexpr auto of_map = "the map lists the sender for the login";
  constexpr auto not_known = "what belongs to the login is not known";
  for (const auto& row : {
           Row{"anna@example.org", "anna@example.org", "", of_domain},
           Row{"anna@example.org", "other@EXAMPLE.org.", "", of_domain},
           Row{"anna@b\u00fccher.example", "a@xn--bcher-kva.example", "", of_domain},
           Row{"anna@example.org", "a@b@example.org", "", of_domain},
           Row{"anna@example.org", "anna@example.org@freemail.example", "", "counted"},
           Row{"anna@example.org", "anna@sub.example.org", "", "counted"},
           Row{"anna@example.org", "anna@ample.org", "", "counted"},
           Row{"anna@example.org", "", "", "the sender has no domain"},
           Row{"anna@example.org", "anna", "", "the sender has no domain"},
           Row{"anna@example.org", "a@one.example", "Anna@Example.org A@One.example", of_map},
           Row{"ANNA@example.org", "A@one.example.", "anna@example.org a@one.example", of_map},
           Row{"anna@example.org", "b@one.example", "anna@example.org a@one.example", "counted"},
           Row{"anna@example.org", "b@one.example", "anna@example.org @one.example", of_map},
           Row{"anna@example.org", "b@two.one.example", "anna@example.org @one.example", "counted"},
           Row{"anna@example.org", "b@one.example", "bert @one.example", "counted"},
           Row{"anna", "anna@example.org", "", not_known},
           Row{"anna", "anna@example.org", "bert @example.org", not_known},
           Row{"anna", "anna@example.org", "anna @example.org", of_map},
           Row{"anna", "anna@example.com", "anna @example.org", "counted"},
           Row{"anna@", "anna@example.org", "", not_known},
           Row{"", "anna@example.org", "", "the request lacks what the key is made of"},
       }) {
    CAPTURE(std::string(row.login));
    CAPTURE(std::string(row.sender));
    CAPTURE(std::string(row.senders));
    CHECK(asked(row.login, row.sender, row.senders) == row.says);
  }
}

TEST_CASE("at other stages it has nothing to say") {
  CHECK(asked("anna@example.org", "a@one.example", "", ProtocolState::mail) == "it counts at another protocol_state");
}

}  // namespace
}  // namespace mxwarden::policy
