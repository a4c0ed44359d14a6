#include "server/request_parser.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace mxwarden::server {
namespace {

using Outcome = RequestParser::Outcome;
using Attributes = std::map<std::string, std::string>;

struct Parsed {
  std::vector<Attributes> requests;
  std::string reason;  // of a malformed one at the end

  bool operator==(const Parsed&) const = default;
};

void take_requests(RequestParser& parser, Parsed& parsed) {
  policy::Request request;
  auto outcome = parser.next(request);
  for (; outcome == Outcome::request; outcome = parser.next(request)) {
    Attributes attributes;
    for (std::size_t at = 0; at < attribute_names.size(); ++at) {
      attributes[std::string(attribute_names[at])] = request.values[at];
    }
    parsed.requests.push_back(std::move(attributes));
  }
  if (outcome == Outcome::malformed) parsed.reason = parser.reason();
}

// Gives the parser `text` in pieces of the sizes that `next_size` says.
template <class NextSize>
Parsed parse_in_pieces(std::string_view text, NextSize next_size) {
  RequestParser parser;
  Parsed parsed;
  while (!text.empty() && parsed.reason.empty()) {
    const auto room = parser.prepare();
    REQUIRE(!room.empty());
    const auto size = std::min({room.size(), text.size(), std::size_t{next_size()}});
    std::memcpy(room.data(), text.data(), size);
    parser.commit(size);
    text.remove_prefix(size);
    take_requests(parser, parsed);
  }
  return parsed;
}

Parsed parse_whole(std::string_view text) {
  return parse_in_pieces(text, [&] { return text.size(); });
}

Parsed parse_bytewise(std::string_view text) {
  return parse_in_pieces(text, [] { return std::size_t{1}; });
}

// What is meant, without any care for speed: split at newlines, then at the first `=`.
Attributes split_simply(const std::string& text) {
  Attributes attributes;
  for (const auto name : attribute_names) attributes[std::string(name)];
  std::size_t begin = 0;
  while (text.at(begin) != '\n') {
    const auto end = text.find('\n', begin);
    const auto line = text.substr(begin, end - begin);
    const auto equals = line.find('=');
    if (attributes.contains(line.substr(0, equals))) attributes[line.substr(0, equals)] = line.substr(equals + 1);
    begin = end + 1;
  }
  return attributes;
}

struct Sample {
  std::string name;
  std::string text;
};

std::vector<Sample> recorded_requests() {
  std::vector<Sample> samples;
  for (const auto& entry : std::filesystem::directory_iterator(MXWARDEN_TESTS_DIR "/fixtures/requests")) {
    std::ifstream file(entry.path(), std::ios::binary);
    samples.push_back({entry.path().filename(), {std::istreambuf_iterator<char>(file), {}}});
  }
  std::ranges::sort(samples, {}, &Sample::name);
  return samples;
}

std::string request_with(std::string_view more) {
  return "request=smtpd_access_policy\n" + std::string(more) + "\n";
}

std::string padding(std::size_t size) {
  return std::string(size, 'x');
}

}  // namespace

TEST_CASE("every recorded request of a real Postfix comes through with its attributes, whole and byte by byte") {
  const auto samples = recorded_requests();
  CHECK(samples.size() == 489);
  for (const auto& sample : samples) {
    CAPTURE(sample.name);
    const Parsed expected{{split_simply(sample.text)}, ""};
    CHECK(parse_whole(sample.text) == expected);
    CHECK(parse_bytewise(sample.text) == expected);
  }
}

TEST_CASE("requests that follow each other come through in their order, wherever the stream is split") {
  std::string stream;
  Parsed expected;
  for (const auto& sample : recorded_requests()) {
    stream += sample.text;
    expected.requests.push_back(split_simply(sample.text));
  }
  CHECK(parse_whole(stream) == expected);
  CHECK(parse_bytewise(stream) == expected);
  std::mt19937 random(7);
  for (const std::size_t longest : {3U, 50U, 700U, 5000U, 100000U}) {
    CAPTURE(longest);
    std::uniform_int_distribution<std::size_t> size(1, longest);
    CHECK(parse_in_pieces(stream, [&] { return size(random); }) == expected);
  }
}

TEST_CASE("attributes come in any order, unknown ones are passed over, values may hold anything but NUL and newline") {
  struct Row {
    const char* label;
    std::string text;
    Attribute attribute;
    std::string value;
  };
  const Row rows[] = {
      {"= in a value", request_with("sender=x=y recipient=evil@example.org\n"), Attribute::sender,
       "x=y recipient=evil@example.org"},
      {"value begins with =", request_with("sender==\n"), Attribute::sender, "="},
      {"empty value", request_with("sender=\n"), Attribute::sender, ""},
      {"not sent", request_with(""), Attribute::sender, ""},
      {"request= comes last", "sender=a\nclient_port=25\nrequest=smtpd_access_policy\n\n", Attribute::client_port,
       "25"},
      {"unknown one before", request_with("server_name=q\nsender=a\n"), Attribute::sender, "a"},
      {"unknown one twice", request_with("later=1\nlater=2\nsender=a\n"), Attribute::sender, "a"},
      {"name of a known one and more", request_with("sender_domain=q\n"), Attribute::sender, ""},
      {"control characters", request_with("sender=\x01\x1b\x7f\t\n"), Attribute::sender, "\x01\x1b\x7f\t"},
      {"carriage return ends a value", request_with("helo_name=a\r\n"), Attribute::helo_name, "a\r"},
      {"8 bit", request_with("helo_name=h\xf6st\n"), Attribute::helo_name, "h\xf6st"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    const auto parsed = parse_whole(row.text);
    CHECK(parsed.reason == "");
    REQUIRE(parsed.requests.size() == 1);
    CHECK(parsed.requests[0].at(std::string(to_string(row.attribute))) == row.value);
    CHECK(parse_bytewise(row.text) == parsed);
  }
}

TEST_CASE("the protocol state is parsed, a new one of a later Postfix is `other'") {
  struct Row {
    const char* name;
    ProtocolState state;
  };
  for (const auto& row :
       {Row{"CONNECT", ProtocolState::connect}, Row{"END-OF-MESSAGE", ProtocolState::end_of_message},
        Row{"XCLIENT", ProtocolState::xclient}, Row{"BURL", ProtocolState::other}, Row{"", ProtocolState::other}}) {
    CAPTURE(row.name);
    RequestParser parser;
    const auto text = request_with("protocol_state=" + std::string(row.name) + "\n");
    std::memcpy(parser.prepare().data(), text.data(), text.size());
    parser.commit(text.size());
    policy::Request request;
    REQUIRE(parser.next(request) == Outcome::request);
    CHECK(request.state == row.state);
  }
}

TEST_CASE("what is at a limit passes, what is over it is malformed, with a reason") {
  const auto attributes = [](int count) {
    std::string text;
    for (int at = 0; at < count; ++at) text += "name" + std::to_string(at) + "=\n";
    return text;
  };
  const auto request_of = [](std::size_t size) {
    auto text = request_with("");
    for (text.pop_back(); text.size() + 1003 < size;) text += "more=" + padding(995) + "\n";
    return text + "more=" + padding(size - text.size() - 7) + "\n\n";
  };
  struct Row {
    const char* label;
    std::string text;
    std::size_t requests;
    std::string_view reason;
  };
  REQUIRE(request_of(65536).size() == 65536);
  const Row rows[] = {
      {"line at its limit", request_with("sender=" + padding(8185) + "\n"), 1, ""},
      {"line over it", request_with("sender=" + padding(8186) + "\n"), 0, "a line of more than 8192 bytes"},
      {"line without an end", "sender=" + padding(8186), 0, "a line of more than 8192 bytes"},
      {"request at its limit", request_of(65536), 1, ""},
      {"request over it", request_of(65537), 0, "a request of more than 65536 bytes"},
      {"100 attributes", request_with(attributes(99)), 1, ""},
      {"101 attributes", request_with(attributes(100)), 0, "more than 100 attributes"},
      {"no =", request_with("sender\n"), 0, "a line without `=': \"sender\""},
      {"no = and hostile", request_with("a\x1b[31m\n"), 0, "a line without `=': \"a\\x1b[31m\""},
      {"no name", request_with("=value\n"), 0, "a line without a name before `='"},
      {"NUL in a value", request_with(std::string("sender=a\0b\n", 11)), 0, "a NUL byte"},
      {"NUL in an unknown name", request_with(std::string("l\0=a\n", 5)), 0, "a NUL byte"},
      {"known attribute twice", request_with("sender=a\nsender=a\n"), 0, "attribute `sender' twice"},
      {"twice, apart", request_with("sender=a\nsize=1\nsender=a\n"), 0, "attribute `sender' twice"},
      {"empty request", "\n", 0, "no `request=smtpd_access_policy', this is no Postfix that asks"},
      {"no request attribute", "sender=a\n\n", 0, "no `request=smtpd_access_policy', this is no Postfix that asks"},
      {"another request", "request=junk\n\n", 0, "no `request=smtpd_access_policy', this is no Postfix that asks"},
      {"CR LF", "request=smtpd_access_policy\r\nsender=a\r\n\r\n", 0,
       "lines end in CR LF, Postfix ends them in LF alone"},
      {"one CR LF", "request=smtpd_access_policy\r\n\n", 0, "lines end in CR LF, Postfix ends them in LF alone"},
      {"HTTP", "GET / HTTP/1.1\r\n\r\n", 0, "a line without `=': \"GET / HTTP/1.1\\x0d\""},
      {"a good one before", request_with("") + "junk\n", 1, "a line without `=': \"junk\""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    const auto parsed = parse_whole(row.text);
    CHECK(parsed.requests.size() == row.requests);
    CHECK(parsed.reason == row.reason);
    CHECK(parse_bytewise(row.text) == parsed);
  }
}

TEST_CASE("a malformed stream stays malformed") {
  RequestParser parser;
  const std::string text = "junk\n" + request_with("");
  std::memcpy(parser.prepare().data(), text.data(), text.size());
  parser.commit(text.size());
  policy::Request request;
  CHECK(parser.next(request) == Outcome::malformed);
  CHECK(parser.next(request) == Outcome::malformed);
}

TEST_CASE("what a giant needed is given back, and no stream needs more than a request at its limit") {
  RequestParser parser;
  const auto usual = parser.capacity();
  CHECK(usual <= 4096);
  auto giant = request_with("");
  for (giant.pop_back(); giant.size() < 60000;) giant += "more=" + padding(1000) + "\n";
  giant += "\n";
  policy::Request request;
  std::string_view rest = giant;
  auto outcome = Outcome::need_more;
  while (!rest.empty()) {
    const auto room = parser.prepare();
    const auto size = std::min(room.size(), rest.size());
    std::memcpy(room.data(), rest.data(), size);
    parser.commit(size);
    rest.remove_prefix(size);
    outcome = parser.next(request);
  }
  CHECK(outcome == Outcome::request);
  CHECK(parser.capacity() > 60000);
  CHECK(parser.capacity() <= 65536 + 1024);
  CHECK_FALSE(parser.has_unread());
  parser.prepare();
  CHECK(parser.capacity() == usual);
}

}  // namespace mxwarden::server
