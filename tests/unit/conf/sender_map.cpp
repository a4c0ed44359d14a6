#include "conf/sender_map.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/temporary_folder.hpp"

namespace mxwarden::conf {
namespace {

SenderMap read(std::string_view text) {
  Report report;
  auto map = SenderMap::parse(text, "senders", report);
  REQUIRE(report.faults.empty());
  REQUIRE(report.warnings.empty());
  return map;
}

std::vector<std::string> faults_of(std::string_view text) {
  Report report;
  SenderMap::parse(text, "senders", report);
  std::vector<std::string> faults;
  for (const auto& fault : report.faults) faults.push_back(fault.to_string());
  return faults;
}

TEST_CASE("a login has the senders of all its lines and no others") {
  const auto map = read(
      "# who may send as whom\r\n"
      "anna@example.org sales@example.com  @example.net   # and nobody else\n"
      "\n"
      "\tbert bert@example.org\n"
      "Anna@Example.org Press@Example.COM");
  for (const auto* sender : {"sales@example.com", "@example.net", "press@example.com"}) {
    CAPTURE(std::string(sender));
    CHECK(map.lists("anna@example.org", sender));
    CHECK_FALSE(map.lists("bert", sender));
  }
  CHECK(map.lists("bert", "bert@example.org"));
  CHECK(map.names("bert"));
  CHECK(map.names("anna@example.org"));
  CHECK_FALSE(map.names("anna"));
  CHECK_FALSE(map.lists("anna@example.org", "bert@example.org"));
  CHECK_FALSE(map.lists("anna@example.org", "@example.com"));
  CHECK_FALSE(map.lists("anna@example.org", "sales@example.co"));
}

TEST_CASE("an empty map names nobody") {
  CHECK_FALSE(SenderMap().names("anna"));
  CHECK_FALSE(read("# nothing\n").lists("anna", "anna@example.org"));
}

TEST_CASE("a domain in Unicode is kept in A-labels") {
  const auto map = read("eve@b\u00fccher.example @B\u00fccher.Example a@b\u00fccher.example\n");
  CHECK(map.lists("eve@xn--bcher-kva.example", "@xn--bcher-kva.example"));
  CHECK(map.lists("eve@xn--bcher-kva.example", "a@xn--bcher-kva.example"));
}

TEST_CASE("all faults are named at once, each with its line") {
  CHECK(faults_of("anna\n"
                  "bert bert@example.org example.org\n"
                  "@example.org a@example.org\n"
                  "carl@b..c a@example.org\n"
                  "dora a@192.0.2.7 @ b@-\x01\n"
                  "emil a@ @example.org\n"
                  "ok ok@example.org\n") ==
        std::vector<std::string>{
            "senders:1: no sender stands after `anna'; write an address or @domain",
            "senders:2: `example.org' is not a sender; write an address or @domain",
            "senders:3: `@example.org' is not a login; write it as sasl_username has it, such as anna or "
            "anna@example.org",
            "senders:4: `carl@b..c' is not a login; write it as sasl_username has it, such as anna or anna@example.org",
            "senders:5: the line has a control character or is not valid UTF-8",
            "senders:6: `a@' is not a sender; write an address or @domain",
        });
}

TEST_CASE("a hundred thousand lines are told apart") {
  constexpr int lines = 100'000;
  std::string text;
  for (int at = 0; at < lines; ++at) {
    const auto number = std::to_string(at);
    text += "user" + number + "@example.org alias" + number + "@example.com @d" + number + ".example\n";
  }
  const auto map = read(text);
  for (int at = 0; at < lines; at += 997) {
    const auto login = "user" + std::to_string(at) + "@example.org";
    CHECK(map.lists(login, "@d" + std::to_string(at) + ".example"));
    CHECK_FALSE(map.lists(login, "@d" + std::to_string(at + 1) + ".example"));
  }
}

TEST_CASE("a file that is not there is a fault, one that is there was read") {
  const tests::TemporaryFolder folder;
  const auto path = folder.path("senders");
  Report report;
  SenderMap::load(path, report);
  REQUIRE(report.faults.size() == 1);
  CHECK(report.faults[0].to_string() == path + ": there is no such file; [login_sender] map names it");
  folder.append("senders", "anna anna@example.org\n");
  report = {};
  CHECK(SenderMap::load(path, report).names("anna"));
  CHECK(report.faults.empty());
  CHECK(report.files == std::vector<std::string>{path});
}

}  // namespace
}  // namespace mxwarden::conf
