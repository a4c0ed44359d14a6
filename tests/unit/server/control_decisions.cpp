#include "server/control_decisions.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "server/control_decision_text.hpp"
#include "unit/server/control_rig.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

policy::Request request() {
  policy::Request request;
  request[Attribute::client_address] = "192.0.2.7";
  request[Attribute::protocol_state] = "CONNECT";
  return request;
}

policy::Verdict verdict(conf::Mode mode = conf::Mode::enforce) {
  policy::Verdict verdict;
  verdict.rule = "client_rate";
  verdict.mode = mode;
  verdict.action = "421 4.7.0 Too many [mxw:client_rate]";
  verdict.refuses = true;
  verdict.cause = policy::Cause{61, 60, 60s, 7s};
  return verdict;
}

policy::Decision refusal() {
  policy::Decision decision;
  decision.verdict = verdict();
  decision.action = decision.verdict->action;
  decision.store = "embedded";
  return decision;
}

std::string text(const policy::Request& request, const policy::Verdict* verdict) {
  return decision_json({request, verdict, "embedded", 38us, WallTime(1234ms)});
}

// One who follows, as its connection would.
struct Follower : ControlRig {
  std::string follow(std::string_view request) {
    std::string answer;
    stream = operations.answer(request, {.uid = 0}, false, [&](std::string line) { answer = std::move(line); });
    if (stream) stream->start([this] { ++news; });
    return answer;
  }
  std::string take() {
    std::string lines;
    CHECK(stream->take(lines));
    return lines;
  }

  std::unique_ptr<ControlStream> stream;
  int news = 0;
};

}  // namespace

TEST_CASE("a decision is what the log says of it, for programs") {
  const auto refused = verdict();
  CHECK(text(request(), &refused) ==
        R"({"time":1234,"action":"421 4.7.0 Too many [mxw:client_rate]","rule":"client_rate","client":"192.0.2.7")"
        R"(,"state":"CONNECT","count":61,"limit":60,"window_ms":60000,"retry_after_ms":7000,"mode":"enforce")"
        R"(,"store":"embedded","us":38})");
  auto mail = request();
  mail[Attribute::sender] = "a@b";
  mail[Attribute::recipient] = "c@d";
  mail[Attribute::sasl_username] = "joe";
  mail[Attribute::helo_name] = "h";
  mail[Attribute::instance] = "i";
  CHECK(text(mail, nullptr) ==
        R"({"time":1234,"action":"DUNNO","client":"192.0.2.7","state":"CONNECT","store":"embedded","us":38)"
        R"(,"sender":"a@b","recipient":"c@d","login":"joe","helo":"h","instance":"i"})");
}

TEST_CASE("in monitor mode it says what would have been answered") {
  const auto thought = verdict(conf::Mode::monitor);
  const auto object = json::parse(text(request(), &thought)).as_object();
  CHECK(object.at("action") == "DUNNO");
  CHECK(object.at("would") == "421 4.7.0 Too many [mxw:client_rate]");
  CHECK(object.at("mode") == "monitor");
}

TEST_CASE("figures that do not apply are left out") {
  auto refused = verdict();
  refused.cause = policy::Cause{5000, 4000, 0s, Duration::max()};
  auto object = json::parse(text(request(), &refused)).as_object();
  CHECK(object.at("window_ms") == 0);
  CHECK(object.at("retry_after_ms").is_null());
  refused.cause = policy::Cause{21, 20, std::nullopt, 0s};
  object = json::parse(text(request(), &refused)).as_object();
  CHECK_FALSE(object.contains("window_ms"));
  CHECK_FALSE(object.contains("retry_after_ms"));
}

TEST_CASE("of a record it says what is known of it") {
  const auto net = Prefix::parse("192.0.2.7").value();
  struct Row {
    std::variant<store::Ban, store::Grant, store::Listing> what;
    json::object members;
  };
  for (const auto& row :
       {Row{store::Ban{"operator", "spam run", 1}, {{"by", "operator"}, {"reason", "spam run"}}},
        Row{store::Grant{{{"anna", WallTime(1s), WallTime(3s)}, {"bob", WallTime(2s), WallTime(2s)}}},
            {{"grant", "anna"}}},
        Row{store::Listing{"bl.example", "r", "", {}, {}, {}, 0, 0}, {{"list", "bl.example"}, {"reason", "r"}}}}) {
    auto by_record = verdict();
    by_record.cause.reset();
    by_record.record = std::make_shared<const store::Record>(store::Record{net, WallTime(1h), row.what});
    by_record.left = 1500us;
    const auto object = json::parse(text(request(), &by_record)).as_object();
    for (const auto& [name, value] : row.members) CHECK(object.at(name) == value);
    CHECK(object.at("left_ms") == 2);
    CHECK_FALSE(object.contains("count"));
  }
}

TEST_CASE("text of strangers stays one short line of UTF-8 that does nothing to a terminal") {
  auto hostile = request();
  hostile[Attribute::helo_name] = "x\",\"client\":\"127.0.0.1";
  hostile[Attribute::sender] = "a\x1b[2J\xFF\n\xC2\x9B@example.org";
  const std::string longest(100'000, '\xFF');
  hostile[Attribute::recipient] = longest;
  const auto wide = std::string(511, 'x') + "\xE2\x82\xAC and more";
  hostile[Attribute::sasl_username] = wide;
  const auto line = text(hostile, nullptr);
  CHECK(line.size() < 32768);
  CHECK(line.find('\n') == std::string::npos);
  const auto object = json::parse(line).as_object();
  CHECK(object.at("client") == "192.0.2.7");
  CHECK(object.at("helo") == "x\",\"client\":\"127.0.0.1");
  CHECK(object.at("sender") == "a\\x1b[2J\\xff\\x0a\\xc2\\x9b@example.org");
  CHECK(object.at("recipient").as_string().ends_with("\\xff..."));
  CHECK(object.at("login").as_string() == std::string(511, 'x') + "...");
}

TEST_CASE("a follower is told of what is decided from then on, and only of what it wants") {
  Follower rig;
  rig.decisions.decided(request(), refusal(), 1us);
  CHECK(rig.follow(R"({"op":"decisions.follow","client":"192.0.2.0/24"})") == R"({"ok":true})");
  REQUIRE(rig.stream);
  CHECK(rig.take() == "");
  rig.decisions.decided(request(), refusal(), 1us);
  auto other = request();
  other[Attribute::client_address] = "198.51.100.1";
  rig.decisions.decided(other, refusal(), 1us);
  CHECK(rig.news == 1);
  const auto lines = rig.take();
  CHECK(std::ranges::count(lines, '\n') == 1);
  CHECK(json::parse(lines).at("client") == "192.0.2.7");
  CHECK(json::parse(lines).at("time") == milliseconds_since_1970(rig.clock.wall_now()));
  CHECK(rig.take() == "");
}

TEST_CASE("a remark has a line of its own, and one without a verdict is the decision's line") {
  Follower rig;
  rig.follow(R"({"op":"decisions.follow","all":true})");
  auto decision = refusal();
  decision.remarks.push_back(verdict(conf::Mode::monitor));
  rig.decisions.decided(request(), decision, 1us);
  auto lines = rig.take();
  CHECK(std::ranges::count(lines, '\n') == 2);
  CHECK(lines.find("would") < lines.find("\"action\":\"421"));
  decision.verdict.reset();
  decision.action = "DUNNO";
  rig.decisions.decided(request(), decision, 1us);
  lines = rig.take();
  CHECK(std::ranges::count(lines, '\n') == 1);
  CHECK(lines.find("would") != std::string::npos);
  decision.remarks.clear();
  rig.decisions.decided(request(), decision, 1us);
  CHECK(rig.take().find("would") == std::string::npos);
}

TEST_CASE("nobody follows once its stream is gone") {
  Follower rig;
  CHECK_FALSE(rig.decisions.followed());
  rig.follow(R"({"op":"decisions.follow"})");
  CHECK(rig.decisions.followed());
  rig.stream = nullptr;
  CHECK_FALSE(rig.decisions.followed());
  rig.decisions.decided(request(), refusal(), 1us);
}

TEST_CASE("what does not fit while nobody reads is counted, and told where it is missing") {
  struct Row {
    const char* label;
    std::size_t bytes;  // of the texts in a line
  };
  for (const auto& row : {Row{"as many lines as may be", 1}, Row{"as many bytes as may be", 510}}) {
    CAPTURE(row.label);
    Follower rig;
    rig.follow(R"({"op":"decisions.follow"})");
    auto mail = request();
    const std::string text(row.bytes, '\xFF');
    for (const auto attribute : {Attribute::sender, Attribute::recipient, Attribute::helo_name}) mail[attribute] = text;
    constexpr std::size_t told = 3000;
    for (std::size_t at = 0; at < told; ++at) rig.decisions.decided(mail, refusal(), 1us);
    CHECK(rig.news == 1);
    const auto lines = rig.take();
    CHECK(lines.size() < DecisionFeed::most_bytes + 100);
    const auto shown = static_cast<std::size_t>(std::ranges::count(lines, '\n')) - 1;
    CHECK((shown == DecisionFeed::most_lines) == (row.bytes == 1));
    CHECK(shown > 0);
    CHECK(lines.ends_with("}\n{\"lost\":" + std::to_string(told - shown) + "}\n"));
    rig.decisions.decided(mail, refusal(), 1us);
    CHECK(rig.news == 2);
    CHECK(rig.take().find("lost") == std::string::npos);
  }
}

TEST_CASE("a wrong filter is told what is allowed, and nothing follows") {
  struct Row {
    const char* members;
    const char* sentence;
  };
  Follower rig;
  for (const auto& row :
       {Row{R"("client":"example.org")", "`client': "}, Row{R"("client":"192.0.2.7/24")", "192.0.2.0/24"},
        Row{R"("action":"421 4.7.0")", "`action' must be the first word of an answer, as 421"},
        Row{R"("refused":1)", "`refused' must be true or false"}, Row{R"("state":"")", "`state' must be"},
        Row{R"("sendr":"a@b")", "it may have op, client, rule, action, state, sender, recipient"}}) {
    CAPTURE(row.members);
    const auto answer = rig.follow(R"({"op":"decisions.follow",)" + std::string(row.members) + "}");
    CHECK(answer.starts_with(R"({"ok":false)"));
    CHECK(answer.find(row.sentence) != std::string::npos);
    CHECK_FALSE(rig.stream);
  }
}

}  // namespace mxwarden::server
