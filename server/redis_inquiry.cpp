#include "server/redis_inquiry.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "server/redis_settings.hpp"
#include "store/redis_advice.hpp"
#include "store/redis_error.hpp"
#include "store/redis_socket.hpp"
#include "store/redis_wire.hpp"

namespace mxwarden::server {
namespace {

constexpr auto longest_inquiry = std::chrono::seconds(1);

// One connection to the first place that is found: AUTH if there is a password, INFO, and what INFO does not tell.
class RedisInquiry final : private store::RedisSocket::Owner {
 public:
  RedisInquiry(const conf::Settings::Redis& redis, const std::shared_ptr<store::RedisTls>& tls)
      : redis_(redis), locator_(redis_locator(context_, clock_, redis, tls)), socket_(context_, *this, tls) {}

  void run() {
    locator_->start([this](const store::RedisServerAddress& server) { found(server); });
    context_.run_for(longest_inquiry);
    locator_->stop();
    socket_.close();
  }

  // Of the server; until one was found of the setting that should lead to it.
  const std::string& name() const { return name_; }
  // Empty if it was not told.
  const std::string& info() const { return info_; }
  const std::string& appendfsync() const { return appendfsync_; }
  // Why INFO was not told.
  const std::string& trouble() const { return trouble_; }

 private:
  enum class Step : std::uint8_t { auth, info, appendfsync };

  void found(const store::RedisServerAddress& server) {
    name_ = "redis " + server.name;
    trouble_ = "it does not answer within a second";
    socket_.open(server);
  }

  void connected() override {
    auto& commands = socket_.outgoing();
    if (!redis_.password.empty() && redis_.user.empty()) store::append_command(commands, {"AUTH", redis_.password});
    if (!redis_.user.empty()) store::append_command(commands, {"AUTH", redis_.user, redis_.password});
    store::append_command(commands, {"INFO"});
    step_ = redis_.password.empty() ? Step::info : Step::auth;
    socket_.send();
  }

  void received(const store::RedisReply& reply) override {
    switch (step_) {
      case Step::auth:
        if (reply.is_error()) return refused("AUTH", reply.text());
        step_ = Step::info;
        return;
      case Step::info:
        if (reply.is_error()) return refused("INFO", reply.text());
        return told(reply.text());
      case Step::appendfsync:
        // It is denied to a user with the least rights; then it stays unknown.
        if (reply.size() == 2) appendfsync_ = reply[1].text();
        return finish();
    }
  }

  void lost(std::string_view why) override {
    trouble_ = why;
    finish();
  }

  void turn_ends() override {}

  void told(std::string_view info) {
    info_ = info;
    // Not asked without need: what is denied is kept in the ACL LOG.
    if (!store::keeps_append_only_file(info_)) return finish();
    step_ = Step::appendfsync;
    store::append_command(socket_.outgoing(), {"CONFIG", "GET", "appendfsync"});
    socket_.send();
  }

  // Of the error its code alone: the rest may repeat the password.
  void refused(std::string_view command, std::string_view error) {
    const auto code = error.substr(0, error.find(' '));
    const auto advice = store::understand_redis_error(error).advice;
    trouble_ = command == "INFO" && code == "NOPERM" ? "its ACL denies INFO to this user: add `+info`"
               : advice.empty()                      ? fmt::format("it refuses {} ({})", command, code)
                                                     : fmt::format("{} ({})", advice, code);
    finish();
  }

  void finish() {
    socket_.close();
    context_.stop();
  }

  const conf::Settings::Redis& redis_;
  SystemClock clock_;
  boost::asio::io_context context_{1};
  std::unique_ptr<store::RedisLocator> locator_;
  store::RedisSocket socket_;
  Step step_ = Step::auth;
  std::string name_ = "[redis] sentinels";
  std::string info_;
  std::string appendfsync_;
  std::string trouble_ = "none says within a second where the master is";
};

}  // namespace

void ask_redis_for_its_settings(const conf::Settings& settings, conf::Report& report) {
  if (settings.store.backend != conf::Backend::redis) return;
  // An error was a fault of the configuration, with which nobody comes here.
  RedisInquiry inquiry(settings.redis, redis_tls(settings.redis).value());
  inquiry.run();
  const auto warn = [&](std::string what) { report.warnings.push_back({{inquiry.name(), 0}, std::move(what)}); };
  if (inquiry.info().empty()) warn(fmt::format("its settings could not be looked at: {}", inquiry.trouble()));
  for (auto& advice : store::redis_advice(inquiry.info(), inquiry.appendfsync())) warn(std::move(advice));
}

}  // namespace mxwarden::server
