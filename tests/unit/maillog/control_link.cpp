#include "maillog/control_link.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;
using namespace std::chrono_literals;
using Protocol = boost::asio::local::stream_protocol;

namespace {

// mxwardend's end: writes down what it is asked, and does with each line what it is told to.
class Server {
 public:
  enum class Does { answer, hang_up, be_silent };

  Server(boost::asio::io_context& context, const std::string& path) : acceptor_(context, Protocol::endpoint(path)) {
    accept();
  }

  void hang_up() {
    for (const auto& socket : sockets_) socket->close();
    sockets_.clear();
  }

  std::vector<std::string> asked;
  std::vector<Does> next;  // after them: answer
  std::size_t connections = 0;

 private:
  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, Protocol::socket socket) {
      if (error) return;
      ++connections;
      sockets_.push_back(std::make_shared<Protocol::socket>(std::move(socket)));
      read(sockets_.back());
      accept();
    });
  }

  void read(const std::shared_ptr<Protocol::socket>& socket) {
    const auto input = std::make_shared<std::string>();
    boost::asio::async_read_until(*socket, boost::asio::dynamic_buffer(*input), '\n',
                                  [this, socket, input](const boost::system::error_code& error, std::size_t size) {
                                    if (error) return;
                                    asked.push_back(input->substr(0, size - 1));
                                    const auto does = next.empty() ? Does::answer : next.front();
                                    if (!next.empty()) next.erase(next.begin());
                                    if (does == Does::hang_up) hang_up();
                                    if (does == Does::answer)
                                      boost::asio::write(*socket, boost::asio::buffer("to " + asked.back() + "\n"));
                                    if (does != Does::hang_up) read(socket);
                                  });
  }

  Protocol::acceptor acceptor_;
  std::vector<std::shared_ptr<Protocol::socket>> sockets_;
};

// While it lives, files are reached by their modes alone, also where the tests run as root.
class AsNobody {
 public:
  AsNobody() {
    if (is_root_) REQUIRE(::seteuid(65534) == 0);
  }
  ~AsNobody() {
    if (is_root_) ::seteuid(0);
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  const bool is_root_ = ::geteuid() == 0;
};

struct Rig {
  void serve() { server.emplace(context, folder.path("socket")); }

  // The answer, or `error: ...`.
  std::string ask(const std::string& request) {
    std::optional<std::string> outcome;
    link.ask(request, [&](const Result<std::string>& answer) {
      outcome = answer ? *answer : "error: " + answer.error().message;
    });
    CHECK(!outcome);
    context.restart();
    for (int turns = 0; !outcome && turns < 1000; ++turns) context.run_one_for(10s);
    return outcome.value_or("no answer at all");
  }

  tests::TemporaryFolder folder;
  boost::asio::io_context context;
  std::optional<Server> server;
  ControlLink link{context, folder.path("socket"), 300ms};
};

}  // namespace

TEST_CASE("a line has its answer, and the next one goes over the same connection") {
  Rig rig;
  rig.serve();
  CHECK(rig.ask("one") == "to one");
  CHECK(rig.ask(std::string(60'000, 'x')) == "to " + std::string(60'000, 'x'));
  CHECK(rig.server->connections == 1);
}

TEST_CASE("where nobody answers it is said why, and the next one finds who came meanwhile") {
  Rig rig;
  CHECK(rig.ask("one") == "error: no connection: No such file or directory (" + rig.folder.path("socket") + ")");
  rig.serve();
  CHECK(rig.ask("two") == "to two");
}

TEST_CASE("where the socket may not be connected to it is said who may") {
  Rig rig;
  rig.serve();
  REQUIRE(::chmod(rig.folder.path("socket").c_str(), 0) == 0);
  std::string outcome;
  {
    const AsNobody nobody;
    outcome = rig.ask("one");
  }
  CHECK(
      outcome ==
      "error: no connection: Permission denied; the user that this runs as must be in the group of [server] control (" +
          rig.folder.path("socket") + ")");
}

TEST_CASE("a connection that was ended while it was silent is no failure") {
  Rig rig;
  rig.serve();
  CHECK(rig.ask("one") == "to one");
  rig.server->hang_up();
  CHECK(rig.ask("two") == "to two");
  CHECK(rig.server->connections == 2);
}

TEST_CASE("a connection that ends instead of an answer is tried again once, if it was an old one") {
  Rig rig;
  rig.serve();
  rig.server->next = {Server::Does::hang_up};
  CHECK(rig.ask("one").starts_with("error: it has ended the connection: End of file"));
  CHECK(rig.server->asked.size() == 1);
  CHECK(rig.ask("two") == "to two");
  rig.server->next = {Server::Does::hang_up, Server::Does::hang_up};
  CHECK(rig.ask("three").starts_with("error: it has ended the connection"));
  CHECK(rig.server->asked.size() == 4);
}

TEST_CASE("an answer is not waited for for ever, and one that comes late is nobody's") {
  Rig rig;
  rig.serve();
  CHECK(rig.ask("one") == "to one");
  rig.server->next = {Server::Does::be_silent};
  CHECK(rig.ask("two").starts_with("error: there is no answer within 0 s"));
  CHECK(rig.ask("three") == "to three");
  CHECK(rig.server->asked == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE("a link that is closed calls nobody") {
  Rig rig;
  rig.serve();
  bool called = false;
  rig.link.ask("one", [&](const Result<std::string>&) { called = true; });
  rig.link.close();
  rig.context.run_for(50ms);
  CHECK(!called);
}

TEST_CASE("a path that no socket can have is an error") {
  boost::asio::io_context context;
  for (const auto& path : {std::string(), std::string(200, 'x')}) {
    ControlLink link(context, path, 10s);
    std::string error;
    link.ask("one", [&](const Result<std::string>& answer) { error = answer ? "" : answer.error().message; });
    context.restart();
    context.poll();
    CHECK(error.starts_with("[server] control must have 1 to 107 bytes"));
  }
}
