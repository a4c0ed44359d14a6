#include "server/session.hpp"

#include <doctest/doctest.h>

#include "unit/server/rig.hpp"

namespace mxwarden::server {

TEST_CASE("a request is answered, an action line and an empty line and nothing more") {
  Rig rig;
  auto postfix = rig.connect();
  postfix.write(Rig::question("a@example.org"));
  rig.poll();
  CHECK(postfix.read() == "action=REJECT a@example.org\n\n");
  postfix.write(Rig::question(""));
  rig.poll();
  CHECK(postfix.read() == "action=DUNNO\n\n");
  CHECK_FALSE(postfix.closed());
}

TEST_CASE("several requests in one packet get their replies in their order") {
  Rig rig;
  auto postfix = rig.connect();
  std::string questions;
  std::string replies;
  for (const auto* sender : {"a", "b", "c", "d"}) {
    questions += Rig::question(sender);
    replies += Rig::reply(sender);
  }
  postfix.write(questions);
  rig.poll();
  CHECK(postfix.read() == replies);
}

TEST_CASE("a request in many packets gets one reply, when its last byte is there") {
  Rig rig;
  auto postfix = rig.connect();
  const auto question = Rig::question("a");
  for (std::size_t at = 0; at + 1 < question.size(); ++at) {
    postfix.write(std::string_view(question).substr(at, 1));
    rig.poll();
    REQUIRE(postfix.read() == "");
  }
  postfix.write("\n");
  rig.poll();
  CHECK(postfix.read() == Rig::reply("a"));
}

TEST_CASE("nothing more is asked until the store has answered") {
  Rig rig;
  rig.store.answers_later = true;
  auto postfix = rig.connect();
  postfix.write(Rig::question("a") + Rig::question("b"));
  rig.poll();
  CHECK(postfix.read() == "");
  CHECK(rig.store.asked == 1);
  rig.store.answer_one();
  rig.poll();
  CHECK(postfix.read() == Rig::reply("a"));
  CHECK(rig.store.asked == 2);
  rig.store.answer_one();
  rig.poll();
  CHECK(postfix.read() == Rig::reply("b"));
}

TEST_CASE("a held answer comes after the hold, and what waits behind it after that") {
  Rig rig;
  auto postfix = rig.connect();
  postfix.write(Rig::question("hold@a") + Rig::question("b"));
  rig.run_one();
  CHECK(postfix.read() == "");
  rig.run_one();
  rig.poll();
  CHECK(postfix.read() == Rig::reply("hold@a") + Rig::reply("b"));
  CHECK(rig.store.asked == 2);
}

TEST_CASE("a hold ends with the drain, and the connection with the answers that are due") {
  Rig rig;
  auto postfix = rig.connect();
  postfix.write(Rig::question("long@a") + Rig::question("long@b"));
  rig.poll();
  CHECK(postfix.read() == "");
  rig.sessions.drain();
  rig.poll();
  CHECK(postfix.read() == Rig::reply("long@a") + Rig::reply("long@b"));
  CHECK(postfix.closed());
  CHECK(rig.sessions.size() == 0);
}

TEST_CASE("a hold ends when Postfix hangs up") {
  Rig rig;
  auto other = rig.connect();
  {
    auto postfix = rig.connect();
    postfix.write(Rig::question("long@a"));
    rig.poll();
    CHECK(rig.sessions.size() == 2);
  }
  rig.poll();
  CHECK(rig.sessions.size() == 1);
  other.write(Rig::question("b"));
  rig.poll();
  CHECK(other.read() == Rig::reply("b"));
}

TEST_CASE("a malformed request gets no reply and ends its connection, the requests before it and others are unharmed") {
  Rig rig;
  auto good = rig.connect();
  auto bad = rig.connect();
  bad.write(Rig::question("a") + "sender\n\n" + Rig::question("b"));
  rig.poll();
  CHECK(bad.read() == Rig::reply("a"));
  CHECK(bad.closed());
  CHECK(rig.sessions.size() == 1);
  good.write(Rig::question("c"));
  rig.poll();
  CHECK(good.read() == Rig::reply("c"));
  CHECK(rig.metrics().find("mxwarden_malformed_requests_total 1\n") != std::string::npos);
}

TEST_CASE("what throws while a request is decided lets that request pass and harms nothing else") {
  Rig rig;
  auto postfix = rig.connect();
  rig.store.throws = true;
  postfix.write(Rig::question("a") + Rig::question("b"));
  rig.poll();
  CHECK(postfix.read() == "action=DUNNO\n\naction=DUNNO\n\n");
  rig.store.throws = false;
  postfix.write(Rig::question("c"));
  rig.poll();
  CHECK(postfix.read() == Rig::reply("c"));
  CHECK(rig.metrics().find("mxwarden_failed_requests_total 2\n") != std::string::npos);
}

TEST_CASE("an answer that comes when the client is gone is discarded") {
  Rig rig;
  rig.store.answers_later = true;
  {
    auto postfix = rig.connect();
    postfix.write(Rig::question("a"));
    rig.poll();
  }
  rig.store.answer_one();
  rig.poll();
  CHECK(rig.sessions.size() == 0);
}

TEST_CASE("a connection that is closed while its answer is held or decided does not come back") {
  for (const auto* sender : {"hold@a", "a"}) {
    CAPTURE(sender);
    Rig rig;
    rig.store.answers_later = sender == std::string_view("a");
    auto postfix = rig.connect();
    postfix.write(Rig::question(sender));
    rig.run_one();
    rig.sessions.close_all(CloseReason::drain);
    if (rig.store.answers_later) rig.store.answer_one();
    rig.poll();
    CHECK(postfix.read() == "");
    CHECK(postfix.closed());
  }
}

TEST_CASE("replies that the client does not read are kept, and sent when it reads again") {
  Rig rig;
  auto postfix = rig.connect();
  const int small = 1;
  REQUIRE(::setsockopt(postfix.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
  const std::string sender(7000, 'x');
  std::string replies;
  std::string read;
  for (int round = 0; round < 200; ++round) {
    const auto question = Rig::question(sender + std::to_string(round));
    if (::send(postfix.fd(), question.data(), question.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
        static_cast<ssize_t>(question.size())) {
      break;
    }
    replies += Rig::reply(sender + std::to_string(round));
    rig.poll();
  }
  REQUIRE(rig.store.asked > 0);
  while (read.size() < replies.size()) {
    const auto more = postfix.read();
    rig.poll();
    read += more;
    if (more.empty()) read += postfix.read();
  }
  CHECK(read == replies);
}

}  // namespace mxwarden::server
