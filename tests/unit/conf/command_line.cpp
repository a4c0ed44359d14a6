#include "conf/command_line.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace mxwarden::conf {
namespace {

// A file of the test's own, gone at its end.
class TestFile {
 public:
  TestFile(const std::string& name, std::string_view content)
      : path_(std::filesystem::temp_directory_path() / ("mxwarden-unit-" + std::to_string(getpid()) + "-" + name)) {
    std::ofstream(path_) << content;
  }
  ~TestFile() { std::filesystem::remove(path_); }
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;

  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

struct Outcome {
  std::variant<Started, int> result;
  std::string out;
  std::string err;

  int status() const { return std::holds_alternative<int>(result) ? std::get<int>(result) : -1; }
};

Outcome run(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv{"mxwardend"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  std::ostringstream out;
  std::ostringstream err;
  auto result = start({"mxwardend", "Answers."}, static_cast<int>(argv.size()), argv.data(), out, err);
  return {std::move(result), out.str(), err.str()};
}

}  // namespace

TEST_CASE("help and version are printed, whatever else is said") {
  const auto help = run({"--help", "--config", "/nonexistent"});
  CHECK(help.status() == 0);
  CHECK(help.out.find("Usage: mxwardend [OPTION]...\nAnswers.\n") == 0);
  CHECK(help.out.find("--check-config") != std::string::npos);
  CHECK(help.out.find("print-example") == std::string::npos);
  const auto version = run({"--version"});
  CHECK(version.status() == 0);
  CHECK(version.out == "mxwardend " MXWARDEN_VERSION "\n");
}

TEST_CASE("a wrong command line is a wrong usage") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--colour"},
                                                                     {"--check"},
                                                                     {"mxwarden.conf"},
                                                                     {"--config"},
                                                                     {"--set", "log.level"},
                                                                     {"--config", "a", "--config", "b"},
                                                                     {"--print-example", "nothing"}}) {
    CAPTURE(arguments.front());
    const auto outcome = run(arguments);
    CHECK(outcome.status() == exit_usage);
    CHECK_FALSE(outcome.err.empty());
    CHECK(outcome.out.empty());
  }
}

TEST_CASE("--check-config names every fault of the settings and of the access table") {
  const TestFile access("access", "Connect:192.0.2.7 YES\nFrom:x OK\n");
  const TestFile conf("conf", "[client]\naccess = " + access.path() + "\n[log]\nlevel = loud\n");
  const auto outcome = run({"--check-config", "--config", conf.path()});
  CHECK(outcome.status() == exit_configuration);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find(conf.path() + ":4: level: `loud' is not a level") != std::string::npos);
  CHECK(outcome.err.find(access.path() + ":1: `YES' is not an action") != std::string::npos);
  CHECK(outcome.err.find(access.path() + ":2: warning: the tag From: does not concern mxwarden") != std::string::npos);
}

TEST_CASE("--check-config says that it is fine, with the warnings") {
  const TestFile access("access", "Connect:192.0.2.7 OK\n");
  const TestFile conf("conf", "[alert]\nquiet = 1h\n");
  const auto outcome = run({"--check-config", "--config", conf.path(), "--set", "client.access=" + access.path()});
  CHECK(outcome.status() == 0);
  CHECK(outcome.out == "The configuration is fine.\n");
  CHECK(outcome.err ==
        conf.path() + ":2: warning: quiet of [alert] is reserved for a later release, has no effect yet\n");
}

TEST_CASE("--print-config prints what is in force, --set included") {
  const TestFile conf("conf", "[log]\nlevel = warn\n[client]\naccess =\n");
  const auto outcome = run({"--print-config", "--config", conf.path(), "--set", "client_rate.limit=7"});
  CHECK(outcome.status() == 0);
  CHECK(outcome.err.empty());
  CHECK(outcome.out.find("\nlevel = warn\n") != std::string::npos);
  CHECK(outcome.out.find("[client_rate]\nmode = enforce\nlimit = 7\nwindow = 60s\n") != std::string::npos);
}

TEST_CASE("a configuration file that was named must be there") {
  const auto outcome = run({"--config", "/nonexistent/mxwarden.conf", "--set", "client.access="});
  CHECK(outcome.status() == exit_configuration);
  CHECK(outcome.err == "/nonexistent/mxwarden.conf: there is no such file\n");
}

TEST_CASE("a program starts with its settings and its access table, and can read them again") {
  const TestFile access("access", "Connect:192.0.2.7 OK\n");
  const TestFile conf("conf", "[client]\naccess = " + access.path() + "\n");
  const auto outcome = run({"--config", conf.path(), "--set", "server.listen=unix:/tmp/x"});
  REQUIRE(std::holds_alternative<Started>(outcome.result));
  const auto& started = std::get<Started>(outcome.result);
  CHECK(started.configuration.settings.server.listen.front().name == "unix:/tmp/x");
  CHECK(started.configuration.access->size() == 1);
  CHECK(started.report.warnings.empty());
  Report report;
  CHECK(load_configuration(started.source, report).settings.server.listen.front().name == "unix:/tmp/x");
  CHECK(report.faults.empty());
}

TEST_CASE("a file that was there once must be there at a reload") {
  ConfigurationSource source;
  source.file = "/nonexistent/mxwarden.conf";
  source.overrides = {{"client.access", "/nonexistent/access"}};
  Report nothing_yet;
  require_files(source, load_configuration(source, nothing_yet), nothing_yet);
  CHECK(nothing_yet.faults.empty());
  CHECK(source.optional);
  CHECK(source.access_optional);
  {
    const TestFile access("access", "Connect:192.0.2.7 OK\n");
    const TestFile conf("conf", "[log]\nlevel = warn\n");
    source.file = conf.path();
    source.overrides = {{"client.access", access.path()}};
    Report both;
    require_files(source, load_configuration(source, both), both);
    CHECK(both.faults.empty());
  }
  Report gone;
  load_configuration(source, gone);
  REQUIRE(gone.faults.size() == 2);
  CHECK(gone.faults[0].to_string() == source.file + ": there is no such file");
  CHECK(gone.faults[1].what.find("there is no such file; to do without an access table") == 0);
  source.overrides = {{"client.access", ""}};
  Report without_table;
  load_configuration(source, without_table);
  CHECK(without_table.faults.size() == 1);
}

TEST_CASE("a program that has started asks for its files at a reload") {
  const TestFile access("access", "Connect:192.0.2.7 OK\n");
  const auto outcome = run({"--set", "client.access=" + access.path()});
  REQUIRE(std::holds_alternative<Started>(outcome.result));
  CHECK_FALSE(std::get<Started>(outcome.result).source.access_optional);
}

TEST_CASE("an entry with more rates than there are windows is warned of") {
  const TestFile access("access", "ClientRate: 5 50\nClientRate:192.0.2.7 5 50 500\nClientRate:192.0.2.8 5\n");
  const TestFile conf("conf",
                      "[client]\naccess = " + access.path() + "\n[client_rate]\nlimit = 6 60\nwindow = 60s 1h\n");
  const auto outcome = run({"--check-config", "--config", conf.path()});
  CHECK(outcome.status() == 0);
  CHECK(outcome.err == access.path() +
                           ":2: warning: ClientRate has 3 numbers and [client_rate] 2 windows; the others have no "
                           "effect\n");
}

TEST_CASE("so is one for logins") {
  const TestFile access("access", "LoginRate: 5\nLoginRate:anna 5 50\n");
  const auto outcome = run({"--check-config", "--set", "client.access=" + access.path()});
  CHECK(outcome.status() == 0);
  CHECK(outcome.err ==
        access.path() + ":2: warning: LoginRate has 2 numbers and [login_rate] 1 window; the others have no effect\n");
}

TEST_CASE("the map of senders is read with the settings, and its faults are theirs") {
  const TestFile good("senders", "anna @example.net\n");
  const auto started = run({"--set", "login_sender.map=" + good.path()});
  REQUIRE(std::holds_alternative<Started>(started.result));
  const auto& senders = std::get<Started>(started.result).configuration.settings.login_senders;
  REQUIRE(senders.listed != nullptr);
  CHECK(senders.listed->lists("anna", "@example.net"));

  const TestFile broken("broken", "anna\nbert @example.net\ncarl example.net\n");
  const auto refused = run({"--check-config", "--set", "login_sender.map=" + broken.path()});
  CHECK(refused.status() == exit_configuration);
  CHECK(refused.err.find(broken.path() + ":1: no sender stands after `anna'") != std::string::npos);
  CHECK(refused.err.find(broken.path() + ":3: `example.net' is not a sender") != std::string::npos);
  CHECK(run({"--check-config", "--set", "login_sender.map=/nonexistent/senders"}).status() == exit_configuration);
}

TEST_CASE("the example files are printed for those who build the project") {
  CHECK(run({"--print-example", "conf"}).out == example_settings());
  CHECK(run({"--print-example", "access"}).out.find("# access: ") == 0);
}

}  // namespace mxwarden::conf
