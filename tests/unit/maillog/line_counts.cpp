#include "maillog/once/line_counts.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>

namespace mxwarden::maillog {
namespace {

namespace json = boost::json;
using What = Recognised::What;

// A log with a line of each sort, and some twice.
class Counted {
 public:
  explicit Counted(LineCounts::Form form) : counts_(form) {}

  void add(What what, std::string_view program, std::string_view text, std::string_view recogniser = {},
           std::optional<policy::EventKind> event = {}) {
    Recognised recognised;
    recognised.what = what;
    recognised.recogniser = recogniser;
    if (event) recognised.event.emplace().kind = *event;
    std::string out;
    counts_.add(++lines_, {.program = program, .text = text}, recognised, out);
    CHECK(out.empty());
  }

  void add_usual() {
    add(What::event, "postfix/smtpd", "connect from", "postfix/smtpd", policy::EventKind::connect);
    add(What::event, "postfix/smtpd", "disconnect from", "postfix/smtpd", policy::EventKind::disconnect);
    add(What::event, "postfix/smtpd", "connect from", "postfix/smtpd", policy::EventKind::connect);
    add(What::known, "postfix/qmgr", "removed", "postfix/qmgr");
    add(What::ours, "postfix/smtpd", "NOQUEUE", "postfix/smtpd");
    add(What::unknown, "postfix/smtpd", "odd 1 \x1b[2J\xFF");
    add(What::unknown, "postfix/smtpd", "odd 2 \x1b[2J\xFF");
    add(What::other_program, "cron", "job");
    add(What::other_program, "kernel", "packet");
    add(What::other_program, "kernel", "packet");
    counts_.add_no_log_line();
    ++lines_;
  }

  std::string finish(std::uint64_t too_long = 0) {
    std::string out;
    std::string remark;
    counts_.finish({.lines = lines_ + too_long, .bytes = 12'345, .too_long = too_long}, out, remark);
    CHECK(remark.empty());
    return out;
  }

 private:
  LineCounts counts_;
  std::uint64_t lines_ = 0;
};

}  // namespace

TEST_CASE("people get tables, with those lines first that are most") {
  Counted log({});
  log.add_usual();
  CHECK(log.finish(1) ==
        "LINES  WHICH\n"
        "   12  all\n"
        "    3  tell an event\n"
        "    1  known, and mean nothing\n"
        "    1  refusals of mxwardend\n"
        "    2  not recognised\n"
        "    3  of programs that are not looked at\n"
        "    1  no lines of a log\n"
        "    1  too long, passed over\n"
        "\n"
        "LINES  EVENT\n"
        "    2  connect\n"
        "    1  disconnect\n"
        "\n"
        "LINES  RECOGNISED AS\n"
        "    4  postfix/smtpd\n"
        "    1  postfix/qmgr\n"
        "\n"
        "LINES  PROGRAM THAT IS NOT LOOKED AT\n"
        "    2  kernel\n"
        "    1  cron\n"
        "\n"
        "FIRST LINE  TIMES  PROGRAM        NOT RECOGNISED, SOME\n"
        "         6      2  postfix/smtpd  odd 1 \\x1b[2J\\xff\n");
}

TEST_CASE("a program gets the same as one object") {
  Counted log({.json = true});
  log.add_usual();
  const auto text = log.finish();
  CHECK(text.ends_with("}\n"));
  CHECK(json::parse(text) ==
        json::value{{"lines", 11},
                    {"bytes", 12345},
                    {"too_long", 0},
                    {"no_log_line", 1},
                    {"event", 3},
                    {"known", 1},
                    {"ours", 1},
                    {"unknown", 2},
                    {"other_program", 3},
                    {"recognisers", {{"postfix/smtpd", 4}, {"postfix/qmgr", 1}}},
                    {"events", {{"connect", 2}, {"disconnect", 1}}},
                    {"other_programs", json::array{json::object{{"program", "kernel"}, {"lines", 2}},
                                                   json::object{{"program", "cron"}, {"lines", 1}}}},
                    {"sample",
                     json::array{json::object{
                         {"line", 6}, {"times", 2}, {"program", "postfix/smtpd"}, {"text", "odd 1 \\x1b[2J\\xff"}}}}});
}

TEST_CASE("of nothing there is nothing but noughts") {
  CHECK(Counted({}).finish() ==
        "LINES  WHICH\n"
        "    0  all\n"
        "    0  tell an event\n"
        "    0  known, and mean nothing\n"
        "    0  refusals of mxwardend\n"
        "    0  not recognised\n"
        "    0  of programs that are not looked at\n"
        "    0  no lines of a log\n"
        "    0  too long, passed over\n");
  const auto object = json::parse(Counted({.json = true}).finish()).as_object();
  CHECK(object.at("recognisers").as_object().empty());
  CHECK(object.at("sample").as_array().empty());
}

TEST_CASE("of very many programs the loud ones are shown") {
  Counted log({.json = true});
  for (int line = 0; line < 20'000; ++line) {
    const auto name = line % 4 == 0 ? std::string("loud") : "program" + std::to_string(line);
    log.add(What::other_program, name, "text");
  }
  const auto object = json::parse(log.finish()).as_object();
  const auto& programs = object.at("other_programs").as_array();
  CHECK(programs.size() == LineCounts::shown_programs);
  CHECK(programs.front() == json::value{{"program", "loud"}, {"lines", 5000}});
}

TEST_CASE("a long line is shown in part, and not cut within a character") {
  Counted log({});
  log.add(What::unknown, "postfix/smtpd", std::string(159, 'x') + "\xC3\xA9 and more");
  CHECK(log.finish().find(std::string(159, 'x') + "...\n") != std::string::npos);
}

}  // namespace mxwarden::maillog
