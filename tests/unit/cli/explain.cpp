#include "cli/explain.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mxwarden::cli {
namespace {

namespace json = boost::json;
using Words = std::vector<std::string_view>;

std::string request_of(const Words& words) {
  const auto line = parse_command_line(words);
  REQUIRE(std::holds_alternative<Invocation>(line));
  return json::serialize(explain_request(std::get<Invocation>(line)));
}

std::string error_of(const Words& words) {
  const auto line = parse_command_line(words);
  REQUIRE(std::holds_alternative<Error>(line));
  return std::get<Error>(line).message;
}

std::string text_of(std::string_view answer, bool colours = false) {
  return explanation_text(json::parse(answer).as_object(), colours);
}

}  // namespace

TEST_CASE("options become attributes of Postfix's") {
  CHECK(request_of({"explain", "--client", "192.0.2.1"}) ==
        R"({"op":"explain","attributes":{"client_address":"192.0.2.1","protocol_state":"RCPT"}})");
  CHECK(request_of({"explain",    "--client",    "2001:db8::1", "--client-name", "mx.example",
                    "--sender",   "a@b.example", "--recipient", "c@d.example",   "--state=end-of-message",
                    "--helo",     "h",           "--login",     "anna",          "--size",
                    "1000",       "--context",   "post",        "--port",        "587",
                    "--listener", "submission"}) ==
        R"({"op":"explain","attributes":{"client_address":"2001:db8::1","client_name":"mx.example",)"
        R"("sender":"a@b.example","recipient":"c@d.example","protocol_state":"END-OF-MESSAGE","helo_name":"h",)"
        R"("sasl_username":"anna","size":"1000","policy_context":"post","server_port":"587"},)"
        R"("listener":"submission"})");
  CHECK(request_of({"explain", "--sender", "", "--client", "unknown"}) ==
        R"({"op":"explain","attributes":{"client_address":"unknown","sender":"","protocol_state":"RCPT"}})");
}

TEST_CASE("what an option cannot be is told") {
  CHECK(error_of({"explain", "--client", "mx.example"}) == R"(--client: "mx.example" is not an IP address)");
  CHECK(error_of({"explain", "--client", "192.0.2.1", "--state", "NOW"}) ==
        R"(--state: "NOW" is none: one of CONNECT, EHLO, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE, VRFY, ETRN, XCLIENT)");
  CHECK(error_of({"explain", "--size", "big"}) == R"(--size: "big" is no whole number)");
  CHECK(error_of({"explain", "--size", ""}) == R"(--size: "" is no whole number)");
  CHECK(error_of({"explain", "--sender", "a\nb"}) == "--sender: must be UTF-8 without control characters");
  CHECK(error_of({"explain", "--sender", "\xff"}) == "--sender: must be UTF-8 without control characters");
  CHECK(error_of({"explain", "--for", "1h"}).starts_with("--for is not for explain"));
  CHECK(error_of({"status", "--client", "192.0.2.1"}).starts_with("--client is not for status"));
}

TEST_CASE("a request is read as Postfix sends it, up to its empty line") {
  std::istringstream in("protocol_state=RCPT\nsender=a=b\nhelo_name=\n\nrecipient=c\n");
  const auto attributes = read_attributes(in).value();
  CHECK(attributes == std::vector<AttributeValue>{{"protocol_state", "RCPT"}, {"sender", "a=b"}, {"helo_name", ""}});
  const auto error = [](const std::string& text) {
    std::istringstream wrong(text);
    return read_attributes(wrong).error().message;
  };
  CHECK(error("") == "standard input has no request: lines of name=value");
  CHECK(error("\n") == "standard input has no request: lines of name=value");
  CHECK(error("hello\n") == R"("hello" is no name=value)");
  CHECK(error("a=\xff\n") == R"("a=\xff" is not UTF-8)");
  CHECK(error("a=" + std::string(70'000, 'x')) == "a request has 65536 bytes at most");
}

TEST_CASE("a person reads the answer first, then a line for each rule") {
  constexpr std::string_view answer = R"({"ok":true,"action":"421 4.7.0 Slow down [mxw:client_rate]",
    "rule":"client_rate","store":"embedded","new_session":true,"rules":[
    {"rule":"relay_grant","mode":"enforce","says":"not asked","why":"it is asked where policy_context is `relay'"},
    {"rule":"ban","mode":"enforce","says":"passes","why":"no ban"},
    {"rule":"client_conn","mode":"enforce","says":"counts",
     "counts":[{"entity":"client:192.0.2.1","count":3,"limit":30,"over":false,"recorded":true}]},
    {"rule":"client_rate","mode":"enforce","says":"answers","action":"421 4.7.0 Slow down [mxw:client_rate]",
     "counts":[{"entity":"client:192.0.2.1","adds":1,"count":3,"limit":2,"window_ms":60000,"over":true,
     "recorded":false,"retry_after_ms":55000}],"access":{"key":"192.0.2.1","line":7}},
    {"rule":"pair","mode":"monitor","says":"would answer","behind":true,"action":"450 4.7.1 Later [mxw:pair]",
     "counts":[{"entity":"sender:a","member":"r","adds":1,"count":2,"limit":1,"window_ms":3600000,"over":true,
     "recorded":false,"retry_after_ms":null}]}]})";
  CHECK(text_of(answer) ==
        R"(421 4.7.0 Slow down [mxw:client_rate]
client_rate decides; counted by the store embedded; the first request of its session

RULE         MODE     SAYS          COUNT          WHY
relay_grant  enforce  not asked                    it is asked where policy_context is `relay'
ban          enforce  passes                       no ban
client_conn  enforce  counts        3 of 30 now    client:192.0.2.1
client_rate  enforce  answers       3 of 2 in 60s  client:192.0.2.1; has room again in 55s; line 7 of the access table (192.0.2.1)
pair         monitor  would answer  2 of 1 in 1h   sender:a with r; never has room for it; 450 4.7.1 Later [mxw:pair]; client_rate decides before it
)");
}

TEST_CASE("records, limits within a message and limits of nothing are put into words") {
  constexpr std::string_view answer = R"({"ok":true,"action":"DUNNO","store":"none","new_session":false,"left_out":2,
    "rules":[
    {"rule":"listing","mode":"monitor","says":"would answer","action":"554 5.7.1 No [mxw:listing]",
     "record":{"kind":"listing","net":"192.0.2.1","until":1,"list":"bl.example","reason":"open\u001brelay"}},
    {"rule":"message_recipients","mode":"enforce","says":"not asked","behind":true,"action":"452 4.5.3 Many",
     "counts":[{"count":3,"limit":2,"over":true}]},
    {"rule":"free","mode":"enforce","says":"counts","counts":[{"entity":"a","count":3,"limit":0,"window_ms":10}]}]})";
  CHECK(text_of(answer) ==
        R"(DUNNO
no rule decides; the store cannot say what was counted

RULE                MODE     SAYS          COUNT                    WHY
listing             monitor  would answer                           listing of 192.0.2.1 by bl.example: open\x1brelay; 554 5.7.1 No [mxw:listing]
message_recipients  enforce  not asked     3 of 2 in the message    452 4.5.3 Many
free                enforce  counts        3 of any number in 10ms  a
and 2 more
)");
  CHECK(text_of(R"({"ok":true})") == "\nno rule decides; counted by the store \n\n");
}

}  // namespace mxwarden::cli
