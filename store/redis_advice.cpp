#include "store/redis_advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mxwarden::store {
namespace {

// `name:value` in a line of its own; empty: it is not there.
std::string_view value_of(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const auto line = info.substr(0, info.find('\n'));
    info.remove_prefix(std::min(line.size() + 1, info.size()));
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(':')) continue;
    const auto value = line.substr(name.size() + 1);
    return value.substr(0, value.find('\r'));
  }
  return {};
}

class Adviser {
 public:
  Adviser(std::string_view info, std::string_view appendfsync) : info_(info), appendfsync_(appendfsync) {}

  std::vector<std::string> advice() && {
    look_at_mode();
    look_at_role();
    look_at_memory();
    look_at_persistence();
    look_at_replicas();
    return std::move(advice_);
  }

 private:
  std::string_view value(std::string_view name) const { return value_of(info_, name); }
  void say(std::string sentence) { advice_.push_back(std::move(sentence)); }

  void look_at_mode() {
    const auto mode = value("redis_mode");
    if (mode.empty() || mode == "standalone") return;
    say(fmt::format("it runs in {} mode, in which it does not count: name a server that runs by itself", mode));
  }

  void look_at_role() {
    if (value("role") != "slave") return;
    say(fmt::format("it is a replica, and only a master counts: name its master, {} port {}, or the sentinels",
                    value("master_host"), value("master_port")));
  }

  void look_at_memory() {
    const auto policy = value("maxmemory_policy");
    if (value("maxmemory") == "0") {
      say("it has no limit to its memory, and a flood of clients could use up that of the host: set `maxmemory`, and "
          "`maxmemory-policy volatile-ttl`");
    } else if (policy == "noeviction") {
      say("when it is full it refuses to count, and each node counts for itself (maxmemory-policy noeviction): set "
          "`maxmemory-policy volatile-ttl`, unless it keeps what others cannot lose");
    } else if (policy.ends_with("-random")) {
      say(
          fmt::format("when it is full it forgets counts at random, those of attackers too (maxmemory-policy {}): set "
                      "`maxmemory-policy volatile-ttl`, which begins with those that end first",
                      policy));
    }
  }

  void look_at_persistence() {
    if (!keeps_append_only_file(info_) || appendfsync_ != "always") return;
    say("each count waits for the disk (appendfsync always): set `appendfsync everysec`, which loses a second of bans "
        "and counts at most, if the host crashes");
  }

  // The number of replicas that keep up is told only if some are asked for.
  void look_at_replicas() {
    const auto replicas = value("connected_slaves");
    if (value("role") != "master" || replicas.empty() || replicas == "0") return;
    if (!value("min_slaves_good_slaves").empty()) return;
    say("it has replicas, and counts on when it is cut off from them, which a failover loses: set "
        "`min-replicas-to-write 1`, or put up with it where sharing must not end with the last replica");
  }

  std::string_view info_;
  std::string_view appendfsync_;
  std::vector<std::string> advice_;
};

}  // namespace

bool keeps_append_only_file(std::string_view info) {
  return value_of(info, "aof_enabled") == "1";
}

std::vector<std::string> redis_advice(std::string_view info, std::string_view appendfsync) {
  return Adviser(info, appendfsync).advice();
}

}  // namespace mxwarden::store
