// mxwardend: answers Postfix's policy requests.
//
// Exit status: 0 after a drain, 64 wrong usage, 69 an address cannot be listened on, 70 a fault of ours, 78 bad
// configuration.

#include <sysexits.h>

#include "base/log.hpp"
#include "conf/command_line.hpp"
#include "server/daemon.hpp"
#include "server/redis_inquiry.hpp"
#include "server/redis_settings.hpp"

namespace {

using namespace mxwarden;

constexpr conf::Program program{.name = "mxwardend",
                                .purpose = "answers Postfix's policy requests",
                                .check = server::check_redis_tls,
                                .ask_others = server::ask_redis_for_its_settings};

int serve(conf::Started started) {
  const auto& settings = started.configuration.settings;
  if (!conf::start_log(program, settings, started.report)) return conf::exit_configuration;
  server::Daemon daemon(std::move(started.source), std::move(started.configuration));
  if (const auto opened = daemon.open(); !opened) {
    log::error(opened.error().message);
    return EX_UNAVAILABLE;
  }
  daemon.run();
  return EX_OK;
}

}  // namespace

int main(int argc, char** argv) {
  return conf::run(program, argc, argv, serve);
}
