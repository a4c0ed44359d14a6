#include "store/redis_record_wire.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "support/redis_server.hpp"

namespace mxwarden {
namespace {

using store::ChangeId;
using store::RecordName;
using store::RecordOrder;

// What a server says, word for word.
class Said {
 public:
  explicit Said(std::string_view bytes) { reader_.feed(bytes); }
  store::RedisReply reply() {
    const auto next = reader_.next();
    REQUIRE(next.has_value());
    REQUIRE(next->has_value());
    return **next;
  }

 private:
  store::RedisReader reader_;
};

}  // namespace

TEST_CASE("the name of a record is its kind and net as they are written, and nothing else is one") {
  for (const std::string text : {"ban/192.0.2.0/24", "grant/192.0.2.1", "listing/2001:db8::/32", "ban/::/0"}) {
    CAPTURE(text);
    const auto name = RecordName::parse(text);
    REQUIRE(name.has_value());
    CHECK(name->to_string() == text);
  }
  for (const std::string text : {"", "/", "ban", "ban/", "fine/192.0.2.1", "ban/192.0.2.1/24", "ban/192.0.2.1 ",
                                 "/192.0.2.1", "ban//192.0.2.1", "index", "changes"}) {
    CAPTURE(text);
    CHECK_FALSE(RecordName::parse(text).has_value());
  }
}

TEST_CASE("ids of changes are read, written and grow as those of a stream") {
  for (const std::string text : {"0-0", "1763770000123-0", "18446744073709551615-18446744073709551615"}) {
    CAPTURE(text);
    const auto id = ChangeId::parse(text);
    REQUIRE(id.has_value());
    CHECK(id->to_string() == text);
  }
  for (const std::string text : {"", "-", "1", "1-", "-1", "1-2-3", "1-x", "18446744073709551616-0", " 1-1", "1--1"}) {
    CAPTURE(text);
    CHECK_FALSE(ChangeId::parse(text).has_value());
  }
  CHECK(*ChangeId::parse("9-5") < *ChangeId::parse("10-0"));
  CHECK(*ChangeId::parse("9-5") < *ChangeId::parse("9-10"));
}

TEST_CASE("changes are read with what they say, whatever else they say") {
  Said said(
      "*2\r\n"
      "*2\r\n$3\r\n1-1\r\n*4\r\n$2\r\nof\r\n$5\r\nban/x\r\n$6\r\nrecord\r\n$2\r\n{}\r\n"
      "*2\r\n$3\r\n1-2\r\n*4\r\n$5\r\nlater\r\n$4\r\nmore\r\n$2\r\nof\r\n$5\r\nban/y\r\n");
  const auto changes = store::read_changes(said.reply());
  REQUIRE(changes.has_value());
  REQUIRE(changes->size() == 2);
  CHECK((*changes)[0].id == ChangeId{1, 1});
  CHECK((*changes)[0].name == "ban/x");
  CHECK((*changes)[0].text == "{}");
  CHECK((*changes)[1].name == "ban/y");
  CHECK((*changes)[1].text.empty());
}

TEST_CASE("what is no answer to a question for changes, or for a page of the index, is taken for none") {
  struct Row {
    std::string_view label;
    std::string_view bytes;
  };
  for (const auto& row : {
           Row{"a number", ":1\r\n"},
           Row{"nothing", "$-1\r\n"},
           Row{"a status", "+OK\r\n"},
           Row{"an array of numbers", "*1\r\n:1\r\n"},
           Row{"a change without fields", "*1\r\n*1\r\n$3\r\n1-1\r\n"},
           Row{"a change whose fields are nothing", "*1\r\n*2\r\n$3\r\n1-1\r\n*-1\r\n"},
           Row{"a field without a value", "*1\r\n*2\r\n$3\r\n1-1\r\n*1\r\n$2\r\nof\r\n"},
           Row{"an id that is none", "*1\r\n*2\r\n$3\r\n1+1\r\n*0\r\n"},
           Row{"an id that is a number", "*1\r\n*2\r\n:1\r\n*0\r\n"},
           Row{"the same id twice", "*2\r\n*2\r\n$3\r\n1-1\r\n*0\r\n*2\r\n$3\r\n1-1\r\n*0\r\n"},
           Row{"ids that fall", "*2\r\n*2\r\n$3\r\n1-2\r\n*0\r\n*2\r\n$3\r\n1-1\r\n*0\r\n"},
           Row{"a cursor that is a number", "*2\r\n:0\r\n*0\r\n"},
           Row{"names without ends", "*2\r\n$1\r\n0\r\n*1\r\n$5\r\nban/x\r\n"},
           Row{"three of two", "*3\r\n$1\r\n0\r\n*0\r\n*0\r\n"},
       }) {
    CAPTURE(row.label);
    Said said(row.bytes);
    const auto reply = said.reply();
    CHECK_FALSE(store::read_changes(reply).has_value());
    CHECK_FALSE(store::read_index_page(reply).has_value());
  }
}

TEST_CASE("a page of the index is its names and where to go on") {
  Said said("*2\r\n$3\r\n384\r\n*4\r\n$5\r\nban/x\r\n$1\r\n1\r\n$5\r\nban/y\r\n$1\r\n2\r\n");
  const auto page = store::read_index_page(said.reply());
  REQUIRE(page.has_value());
  CHECK(page->next_cursor == "384");
  CHECK(page->names == std::vector<std::string>{"ban/x", "ban/y"});
}

TEST_CASE("all keys of records are in one hash slot, and begin with the prefix") {
  const store::RedisRecordCommands commands("other");
  CHECK(commands.key("ban/192.0.2.1") == "other:r1{records}ban/192.0.2.1");
  std::string sent;
  commands.append_order(sent, {"EVALSHA", "digest"}, *RecordName::parse("ban/192.0.2.1"), {});
  CHECK(sent ==
        "*8\r\n$7\r\nEVALSHA\r\n$6\r\ndigest\r\n$1\r\n3\r\n$30\r\nother:r1{records}ban/192.0.2.1\r\n"
        "$22\r\nother:r1{records}index\r\n$24\r\nother:r1{records}changes\r\n$13\r\nban/192.0.2.1\r\n$4\r\nlook\r\n");
}

TEST_CASE("an order says what is to be there and what must be there before, and an erasure nothing") {
  struct Row {
    std::string_view label;
    RecordOrder order;
    std::string_view sent;  // behind the name of the record
  };
  for (const auto& row : {
           Row{"look", {}, "$4\r\nlook\r\n"},
           Row{"a new one",
               {.what = RecordOrder::What::replace, .expected = "", .text = "{}", .until = 5},
               "$7\r\nreplace\r\n$0\r\n\r\n$2\r\n{}\r\n$1\r\n5\r\n"},
           Row{"another one",
               {.what = RecordOrder::What::replace, .expected = "{}", .text = "{1}", .until = 1763770000123},
               "$7\r\nreplace\r\n$2\r\n{}\r\n$3\r\n{1}\r\n$13\r\n1763770000123\r\n"},
           Row{"none any more",
               {.what = RecordOrder::What::replace, .expected = "{}", .text = "", .until = 0},
               "$7\r\nreplace\r\n$2\r\n{}\r\n$0\r\n\r\n$1\r\n0\r\n"},
           Row{"none, whatever is there",
               {.what = RecordOrder::What::erase, .expected = "", .text = "", .until = 0},
               "$5\r\nerase\r\n"},
       }) {
    CAPTURE(row.label);
    std::string sent;
    store::RedisRecordCommands("mxw").append_order(sent, {"EVAL", "script"}, *RecordName::parse("ban/::"), row.order);
    const std::string_view name = "$6\r\nban/::\r\n";
    const auto at = sent.rfind(name);
    REQUIRE(at != std::string::npos);
    CHECK(sent.substr(at + name.size()) == row.sent);
  }
}

TEST_CASE("what came of an order is the id of the change, if there was one, and what was there") {
  Said written("*2\r\n$3\r\n7-1\r\n$2\r\n{}\r\n");
  auto outcome = store::read_order_outcome(written.reply());
  REQUIRE(outcome.has_value());
  CHECK(outcome->id == ChangeId{7, 1});
  CHECK(outcome->there == "{}");
  Said looked("*2\r\n$0\r\n\r\n$2\r\n{}\r\n");
  outcome = store::read_order_outcome(looked.reply());
  REQUIRE(outcome.has_value());
  CHECK_FALSE(outcome->id.has_value());
  CHECK(outcome->there == "{}");
}

TEST_CASE("what is no answer to an order is taken for none") {
  for (const std::string_view bytes :
       {":1\r\n", "$3\r\n7-1\r\n", "*0\r\n", "*1\r\n$3\r\n7-1\r\n", "*2\r\n$3\r\n7-1\r\n$-1\r\n",
        "*2\r\n$3\r\n7+1\r\n$0\r\n\r\n", "*2\r\n:7\r\n$0\r\n\r\n", "*3\r\n$3\r\n7-1\r\n$0\r\n\r\n$0\r\n\r\n", "$-1\r\n",
        "+OK\r\n"}) {
    CAPTURE(bytes);
    Said said(bytes);
    CHECK_FALSE(store::read_order_outcome(said.reply()).has_value());
  }
}

}  // namespace mxwarden
