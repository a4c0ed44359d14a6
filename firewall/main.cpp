// mxwarden-firewall: keeps nftables sets equal to the list of bans.
//
// Exit status: 0 at a signal, and when --dry-run or --flush is done; 64 wrong usage, 69 --dry-run found no mxwardend,
// 70 a fault of ours, 71 its privileges cannot be given up or the addresses of this host not be read, 74 the output of
// --dry-run cannot be written, 77 it may not change nftables, or this kernel has none, 78 bad configuration.

#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <iostream>

#include "base/log.hpp"
#include "conf/command_line.hpp"
#include "firewall/dry_run.hpp"
#include "firewall/privilege.hpp"
#include "firewall/worker.hpp"

namespace {

using namespace mxwarden;

constexpr std::array flags{
    conf::Flag{"dry-run",
               "print what would be given to nft(8) for the bans there are now, and end; the kernel is not asked"},
    conf::Flag{"flush", "remove the table with all bans from the kernel, and end; mxwardend goes on refusing them"}};

constexpr conf::Program program{.name = "mxwarden-firewall",
                                .purpose = "keeps nftables sets equal to the list of bans",
                                .flags = flags,
                                .uses_store = false};

int fail(const Error& error) {
  std::cerr << program.name << ": " << error.message << '\n';
  return EX_OSERR;
}

int run(conf::Started started) {
  if (started.has("dry-run") && started.has("flush")) {
    std::cerr << program.name << ": --dry-run and --flush do not go together\n";
    return conf::exit_usage;
  }
  if (started.has("dry-run")) return firewall::dry_run(started.configuration.settings, std::cout, std::cerr);
  if (started.has("flush")) return firewall::flush(started.configuration.settings, std::cout, std::cerr);
  const auto settings = started.configuration.settings;
  // Before there is a second thread: what is given up is each thread's own, as are the signals that it waits for.
  const auto became = firewall::become(settings.server.firewall_user);
  if (!became) return fail(became.error());
  if (const auto kept = firewall::keep_net_admin_alone(); !kept) return fail(kept.error());
  firewall::Worker worker(std::move(started.source), std::move(started.configuration));
  if (!conf::start_log(program, settings, started.report)) return conf::exit_configuration;
  if (!*became && ::geteuid() == 0 && !settings.server.firewall_user.empty()) {
    log::warn("[server] firewall_user = " + settings.server.firewall_user +
              ": there is no such user; it goes on as root, with no capability but CAP_NET_ADMIN");
  }
  return worker.run();
}

}  // namespace

int main(int argc, char** argv) {
  return conf::run(program, argc, argv, run);
}
