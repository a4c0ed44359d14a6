#include "conf/access_table.hpp"

#include <doctest/doctest.h>

#include <optional>

namespace mxwarden::conf {
namespace {

AccessTable read(std::string_view text) {
  Report report;
  auto table = AccessTable::parse(text, "access", report);
  for (const auto& fault : report.faults) FAIL(fault.to_string());
  return table;
}

// The key of the entry that is found.
std::string found(const AccessTable& table, AccessTag tag, std::string_view address, std::string_view name) {
  const auto parsed = Address::parse(address);
  const auto* entry = table.match(parsed ? &*parsed : nullptr, name)[tag];
  return entry == nullptr ? "none" : entry->key.empty() ? "default" : entry->key;
}

std::string found_login(const AccessTable& table, std::string_view login) {
  const auto* entry = table.find_login(login);
  return entry == nullptr ? "none" : entry->key.empty() ? "default" : entry->key;
}

}  // namespace

TEST_CASE("the most specific entry wins: address, longer prefix, longer name, default") {
  const auto table = read(
      "Connect: REJECT\n"
      "Connect:example.com OK\n"
      "Connect:mail.example.com REJECT\n"
      "Connect:192 OK\n"
      "Connect:192.0 OK\n"
      "Connect:192.0.2 OK\n"
      "Connect:192.0.2.128/25 OK\n"
      "Connect:192.0.2.129 OK\n"
      "Connect:IPv6:2001:db8 OK\n"
      "Connect:2001:db8:0:1::/64 OK\n"
      "Connect:2001:db8::1 OK\n");
  struct Row {
    const char* label;
    const char* address;
    const char* name;
    const char* key;
  };
  for (const auto& row : {
           Row{"the address itself", "192.0.2.129", "mail.example.com", "192.0.2.129"},
           Row{"after the address the net goes on", "192.0.2.130", "unknown", "192.0.2.128/25"},
           Row{"the other half", "192.0.2.7", "unknown", "192.0.2"},
           Row{"two bytes", "192.0.3.1", "unknown", "192.0"},
           Row{"one byte", "192.255.255.255", "unknown", "192"},
           Row{"a net before a name", "192.0.3.1", "mail.example.com", "192.0"},
           Row{"beside the net", "193.0.0.0", "unknown", "default"},
           Row{"the longer name", "198.51.100.1", "mail.example.com", "mail.example.com"},
           Row{"a name below", "198.51.100.1", "a.b.example.com", "example.com"},
           Row{"case and final dot", "198.51.100.1", "MAIL.Example.COM.", "mail.example.com"},
           Row{"a name that only ends alike", "198.51.100.1", "badexample.com", "default"},
           Row{"the top-level domain alone", "198.51.100.1", "com", "default"},
           Row{"IPv6 itself", "2001:db8::1", "unknown", "2001:db8::1"},
           Row{"IPv6, longer prefix", "2001:db8:0:1::5", "unknown", "2001:db8:0:1::/64"},
           Row{"IPv6, groups", "2001:db8:ffff::5", "unknown", "IPv6:2001:db8"},
           Row{"IPv6, beside", "2001:db9::", "unknown", "default"},
           Row{"IPv4-mapped", "::ffff:192.0.2.129", "unknown", "192.0.2.129"},
           Row{"no address, a name", "unknown", "example.com", "example.com"},
           Row{"neither", "unknown", "unknown", "default"},
       }) {
    CAPTURE(std::string(row.label));
    CHECK(found(table, AccessTag::connect, row.address, row.name) == row.key);
  }
}

TEST_CASE("without a default an unknown client has no entry, and tags are apart") {
  const auto table = read("ClientRate:192.0.2 5\nMaxRcpt: 7\n");
  CHECK(found(table, AccessTag::client_rate, "198.51.100.1", "x.example") == "none");
  CHECK(found(table, AccessTag::connect, "192.0.2.1", "x.example") == "none");
  CHECK(found(table, AccessTag::max_rcpt, "192.0.2.1", "x.example") == "default");
  CHECK(table.size() == 2);
}

TEST_CASE("what is allowed in a net is found, and of one address what the most specific entry says") {
  const auto table = read(
      "Connect:192.0.2.7 OK\nConnect:198.51.100 OK\nConnect:198.51.100.7 REJECT\nConnect:203.0.113.1 REJECT\n"
      "Connect:example.com OK\nClientRate:203.0.113.2 0\n");
  struct Row {
    const char* net;
    int line;  // 0: nothing is
  };
  for (const auto& row : {Row{"192.0.2.7", 1}, Row{"192.0.2.0/24", 1}, Row{"192.0.2.8", 0}, Row{"198.51.100.1", 2},
                          Row{"198.51.0.0/16", 2}, Row{"198.51.100.7", 0}, Row{"203.0.113.0/24", 0}, Row{"::/0", 0},
                          Row{"198.51.100.6/31", 2}}) {
    CAPTURE(row.net);
    const auto* allowed = table.allowed_in(Prefix::parse(row.net).value());
    CHECK((allowed == nullptr ? 0 : allowed->line) == row.line);
  }
}

TEST_CASE("the ends of the address space are covered") {
  const auto table = read(
      "Connect:255.255.255.255 OK\nConnect:0.0.0.0/0 OK\nConnect:::/0 OK\n"
      "Connect:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff OK\n");
  CHECK(found(table, AccessTag::connect, "255.255.255.255", "") == "255.255.255.255");
  CHECK(found(table, AccessTag::connect, "255.255.255.254", "") == "0.0.0.0/0");
  CHECK(found(table, AccessTag::connect, "::", "") == "::/0");
  CHECK(found(table, AccessTag::connect, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "") == "::/0");
  CHECK(found(table, AccessTag::connect, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "")[0] == 'f');
}

TEST_CASE("sendmail's own lines are read as they stand") {
  const auto table = read(
      "# a file of sendmail's\n"
      "Connect:206.81.85\tREJECT\n"
      "ClientRate:206.81.85 2\n"
      "ClientRate: 10\n"
      "ClientConn:127.0.0.1\t\t0\n"
      "GreetPause:my.domain 0   # ours\n"
      "GreetPause:\t5000\n"
      "connect:friend.example  RELAY\n");
  CHECK(found(table, AccessTag::connect, "206.81.85.9", "") == "206.81.85");
  const auto address = Address::parse("206.81.85.9");
  CHECK(table.match(&*address, "")[AccessTag::client_rate]->numbers == std::vector<std::uint64_t>{2});
  CHECK(table.match(nullptr, "")[AccessTag::client_rate]->numbers == std::vector<std::uint64_t>{10});
  CHECK(table.match(nullptr, "host.my.domain")[AccessTag::greet_pause]->numbers == std::vector<std::uint64_t>{0});
  CHECK(table.match(nullptr, "host.other.domain")[AccessTag::greet_pause]->numbers == std::vector<std::uint64_t>{5000});
  CHECK(table.match(&*address, "")[AccessTag::client_rate]->line == 3);
  CHECK(table.match(nullptr, "friend.example")[AccessTag::connect]->ok);
}

TEST_CASE("the values of Connect, in each notation") {
  struct Row {
    const char* value;
    bool ok;
    const char* action;
  };
  for (const auto& row : {
           Row{"OK", true, ""},
           Row{"relay", true, ""},
           Row{"REJECT", false, "REJECT"},
           Row{"DISCARD", false, "DISCARD"},
           Row{"DUNNO", false, "DUNNO"},
           Row{"DEFER later", false, "DEFER later"},
           Row{"550 5.7.1 Go away", false, "550 5.7.1 Go away"},
           Row{"550 Go away", false, "550 Go away"},
           Row{"ERROR:5.7.1:550 Go away", false, "550 5.7.1 Go away"},
           Row{"ERROR:4.2.2:450 mailbox full", false, "450 4.2.2 mailbox full"},
           Row{"error:5.7.1:\"550 Go away\"", false, "550 5.7.1 Go away"},
           Row{"ERROR:5.7.1:550 \"Go away\"", false, "550 5.7.1 Go away"},
           Row{"ERROR:\"550 5.7.1 Go away\"", false, "550 5.7.1 Go away"},
           Row{"ERROR:\"5.7.1:550 Go away\"", false, "550 5.7.1 Go away"},
           Row{"\"ERROR:550 5.7.1 Go away\"", false, "550 5.7.1 Go away"},
           Row{"\"ERROR:5.7.1:550 Go away\"", false, "550 5.7.1 Go away"},
           Row{"ERROR:550 Go away", false, "550 Go away"},
           Row{"ERROR:\"550 see ticket # 5\" # why", false, "550 see ticket # 5"},
           Row{"ERROR:\"550 see http://a.example: why\"", false, "550 see http://a.example: why"},
       }) {
    CAPTURE(std::string(row.value));
    const auto table = read("Connect:192.0.2.7 " + std::string(row.value));
    const auto address = Address::parse("192.0.2.7");
    const auto* entry = table.match(&*address, "")[AccessTag::connect];
    REQUIRE(entry != nullptr);
    CHECK(entry->ok == row.ok);
    if (!row.ok) CHECK(entry->action.to_string() == row.action);
  }
}

TEST_CASE("a key is found by what it covers") {
  struct Row {
    const char* line;
    const char* address;
    const char* name;
  };
  for (const auto& row : {
           Row{"192.0.2.7 OK", "192.0.2.7", ""},
           Row{"206.81.85. OK", "206.81.85.1", ""},
           Row{"2001:db8::1 OK", "2001:db8::1", ""},
           Row{"Connect:2001:db8::1 OK", "2001:db8::1", ""},
           Row{"IPv6:2001:db8::1 OK", "2001:db8::1", ""},
           Row{"Connect:IPv6:2001:0DB8 OK", "2001:db8:5::", ""},
           Row{"ipv6:2001:db8:1:2:3:4:5 OK", "2001:db8:1:2:3:4:5:6", ""},
           Row{"IPv6:2001:db8::/33 OK", "2001:db8:7fff::", ""},
           Row{"dead:beef::/32 OK", "dead:beef::1", ""},
           Row{"::ffff:192.0.2.7 OK", "192.0.2.7", ""},
           Row{"Host.Example. OK", "unknown", "host.example"},
           Row{"b\u00fccher.example OK", "unknown", "xn--bcher-kva.example"},
           Row{"B\u00dcCHER.example OK", "unknown", "shop.xn--bcher-kva.example"},
           Row{"xn--bcher-kva.example OK", "unknown", "XN--BCHER-KVA.example"},
           Row{"my_host.example OK", "unknown", "my_host.example"},
           Row{"localhost OK", "unknown", "localhost"},
       }) {
    CAPTURE(std::string(row.line));
    CHECK(found(read(row.line), AccessTag::connect, row.address, row.name) != "none");
  }
}

TEST_CASE("a login is looked for whole, then by its domain and those above, then by default") {
  const auto table = read(
      "LoginRate:alice@mail.example.com 1\nLoginRate:bob 2\nLoginRate:mail.example.com 3\n"
      "LoginRate:example.com 4 5\nLoginRate: 6\n");
  CHECK(found_login(table, "Alice@mail.Example.com") == "alice@mail.example.com");
  CHECK(found_login(table, "bob") == "bob");
  CHECK(found_login(table, "carol@mail.example.com") == "mail.example.com");
  CHECK(found_login(table, "carol@other.example.com") == "example.com");
  CHECK(found_login(table, "carol@example.org") == "default");
  CHECK(found_login(table, "carol") == "default");
  CHECK(found_login(table, "") == "default");
  CHECK(table.find_login("x@example.com")->numbers == std::vector<std::uint64_t>{4, 5});
  CHECK(found_login(read("LoginRate:4917012345 2"), "4917012345") == "4917012345");
}

TEST_CASE("a login's entry has nothing to do with the client's name, and a client without a login has none") {
  const auto table = read("LoginRate:example.com 3\nLoginRate: 6\nClientRate:example.com 9\n");
  const auto match = [&](std::string_view client_name, std::string_view login) {
    return table.match(nullptr, client_name, login)[AccessTag::login_rate];
  };
  CHECK(match("mx.example.com", "") == nullptr);
  REQUIRE(match("mx.example.com", "anna@example.org") != nullptr);
  CHECK(match("mx.example.com", "anna@example.org")->key.empty());
  REQUIRE(match("unknown", "anna@mail.example.com") != nullptr);
  CHECK(match("unknown", "anna@mail.example.com")->key == "example.com");
  CHECK(table.match(nullptr, "mx.example.com", "anna@example.org")[AccessTag::client_rate]->key == "example.com");
}

TEST_CASE("a login's domain in Unicode is the one in A-labels") {
  CHECK(found_login(read("LoginRate:b\u00fccher.example 2\n"), "eve@B\u00dcCHER.example") == "b\u00fccher.example");
  CHECK(found_login(read("LoginRate:xn--bcher-kva.example 2\n"), "eve@b\u00fccher.example") == "xn--bcher-kva.example");
}

TEST_CASE("a malformed line is a fault that says what is allowed") {
  struct Row {
    const char* line;
    const char* says;
  };
  for (const auto& row : {
           Row{"Connect:192.0.2.7", "the value of Connect:192.0.2.7 is missing"},
           Row{"192.0.2.7", "the value of Connect:192.0.2.7 is missing"},
           Row{"Connect:192.0.2.7 YES", "`YES' is not an action; allowed are DUNNO"},
           Row{"Connect:192.0.2.7 YES", "(for Connect also OK, RELAY, DISCARD or ERROR:D.S.N:NNN text)"},
           Row{"Connect:192.0.2.7 ERROR:5.7.1:450 x", "status 5.7.1 does not go with 450"},
           Row{"Connect:192.0.2.7 ERROR:5.7.1:550", "`550 5.7.1' needs a text"},
           Row{"Connect:192.0.2.7 ERROR:", "`' is not an action"},
           Row{"Connet:192.0.2.7 OK", "`Connet:' is not a tag; did you mean Connect:?"},
           Row{"Client-Rate:192.0.2.7 5", "did you mean ClientRate:?"},
           Row{"192:0 OK", "`192:0' is neither a key nor a tag and a key"},
           Row{"Connect:2001:db8 OK", "the first groups of one are written as in IPv6:2001:db8"},
           Row{"IPv6:2001:db8:::1 OK", "is not a key"},
           Row{"IPv6:1:2:3:4:5:6:7:8:9 OK", "is not a key"},
           Row{"IPv6: OK", "is not a key"},
           Row{"1.2.3.4.5 OK", "`1.2.3.4.5' is not a key"},
           Row{"300.1 OK", "`300.1' is not a key"},
           Row{"1..2 OK", "`1..2' is not a key"},
           Row{". OK", "`.' is not a key"},
           Row{"Connect:192.0.2.7/24 OK", "did you mean 192.0.2.0/24?"},
           Row{"Connect:192.0.2.0/33 OK", "must be a number from 0 to 32"},
           Row{"*.example.com OK", "`*.example.com' is not a key; allowed are an address"},
           Row{".example.com OK", "write example.com, which also covers the names below it"},
           Row{"a..b OK", "`a..b' is not a key"},
           Row{"example.123 OK", "`example.123' is not a key"},
           Row{"Connect:user@example.com OK", "`user@example.com' is not a key"},
           Row{"b\u00fc cher OK", "`cher' is not an action"},
           Row{"ClientRate:192.0.2.7 many",
               "ClientRate: `many' is not allowed; write a whole number from 0 to 4294967295"},
           Row{"ClientRate:192.0.2.7 4294967296", "from 0 to 4294967295"},
           Row{"ClientRate: 1 2 3 4 5 6 7 8 9", "ClientRate has 9 numbers; allowed is 1 to 8"},
           Row{"MaxRcpt: 1 2", "MaxRcpt has 2 numbers; allowed is one"},
           Row{"MaxRcpt: \"\"", "MaxRcpt has 0 numbers; allowed is one"},
           Row{"GreetPause: 300001", "from 0 to 300000"},
           Row{"LoginRate:192.0.2.7 5",
               "`192.0.2.7' is an address; the key of LoginRate is a login, a domain or nothing"},
           Row{"LoginRate:a@b..c 5", "`b..c' is not a key"},
           Row{"Connect:a\x01.example OK", "a control character or is not valid UTF-8"},
           Row{"Connect:a\xff.example OK", "a control character or is not valid UTF-8"},
       }) {
    CAPTURE(std::string(row.line));
    Report report;
    AccessTable::parse("# first\n" + std::string(row.line) + "\nConnect:192.0.2.99 OK\n", "access", report);
    REQUIRE(report.faults.size() == 1);
    CAPTURE(report.faults.front().what);
    CHECK(report.faults.front().where.line == 2);
    CHECK(report.faults.front().what.find(row.says) != std::string::npos);
  }
}

TEST_CASE("a key that is there twice is a fault which names the first line") {
  struct Row {
    const char* first;
    const char* second;
    const char* says;
  };
  for (const auto& row : {
           Row{"Connect:192.0.2.7 OK", "192.0.2.7 REJECT", "the key 192.0.2.7 is there already, in line 1"},
           Row{"ClientRate:192.0.2.0/24 1", "ClientRate:192.0.2 1", "the key 192.0.2 is there already, in line 1"},
           Row{"Connect:example.com OK", "Connect:Example.COM. OK", "the key Example.COM. is there already, in line 1"},
           Row{"ClientRate: 1", "ClientRate: 2", "the default is there already, in line 1"},
           Row{"IPv6:2001:db8 OK", "2001:db8::/32 OK", "the key 2001:db8::/32 is there already, in line 1"},
       }) {
    CAPTURE(std::string(row.second));
    Report report;
    AccessTable::parse(std::string(row.first) + "\n" + row.second, "access", report);
    REQUIRE(report.faults.size() == 1);
    CHECK(report.faults.front().to_string() == "access:2: " + std::string(row.says));
  }
}

TEST_CASE("all faults of a file are named, in the order of its lines") {
  Report report;
  AccessTable::parse("Connect:1.2.3.4 OK\nX:\nConnet:a OK\n1.2.3.4 OK\n\nClientRate: x\n", "access", report);
  std::vector<int> lines;
  for (const auto& fault : report.faults) lines.push_back(fault.where.line);
  CHECK(lines == std::vector<int>{3, 4, 6});
}

TEST_CASE("what belongs to sendmail alone is passed over with one warning for each kind") {
  Report report;
  const auto table = AccessTable::parse(
      "From:spammer@example.com REJECT\nTo:friend@ DISCARD\nFrom:example.net REJECT\nTLS_Srv:x.example VERIFY\n"
      "Spam:abuse@ FRIEND\nsomebody@example.com REJECT\nConnect:192.0.2.7 OK\n",
      "access", report);
  CHECK(report.faults.empty());
  CHECK(table.size() == 1);
  REQUIRE(report.warnings.size() == 5);
  CHECK(report.warnings[0].to_string() == "access:1: the tag From: does not concern mxwarden; passed over (2 lines)");
  CHECK(report.warnings[4].what == "a key with @ but without a tag does not concern mxwarden; passed over (1 line)");
}

TEST_CASE("a file that must be there and is not is a fault") {
  Report report;
  AccessTable::load("/nonexistent/access", report, false);
  CHECK(report.warnings.empty());
  REQUIRE(report.faults.size() == 1);
  CHECK(report.faults.front().to_string() ==
        "/nonexistent/access: there is no such file; to do without an access table write `access =' in [client]");
}

TEST_CASE("a file that is missing is an empty table and a warning, a folder is a fault") {
  Report missing;
  CHECK(AccessTable::load("/nonexistent/access", missing).size() == 0);
  CHECK(missing.faults.empty());
  REQUIRE(missing.warnings.size() == 1);
  CHECK(missing.warnings.front().to_string() ==
        "/nonexistent/access: there is no such file; the access table is empty");
  Report folder;
  AccessTable::load("/", folder);
  REQUIRE(folder.faults.size() == 1);
  CHECK(folder.faults.front().what.find("cannot be read: ") == 0);
}

TEST_CASE("a client's name of any length and content is looked for") {
  const auto table = read("Connect:example.com OK\nConnect: REJECT\n");
  for (const auto& name : {std::string(), std::string("."), std::string(".."), std::string(1000, 'a'),
                           std::string(254, '.'), std::string("\xff\x00.example.com", 14)}) {
    CAPTURE(name.size());
    CHECK(found(table, AccessTag::connect, "unknown", name) ==
          (name.ends_with("example.com") ? "example.com" : "default"));
  }
}

}  // namespace mxwarden::conf
