#include "store/redis_advice.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace mxwarden {
namespace {

using store::redis_advice;
using Texts = std::vector<std::string>;

// The sections server, memory, persistence and replication of a redis-server 7.0.15, without what tells of its host.
std::string recorded(std::string_view name) {
  std::ifstream file(MXWARDEN_TESTS_DIR "/fixtures/redis_info/" + std::string(name) + ".txt");
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string replaced(std::string text, std::string_view line, std::string_view with) {
  const auto at = text.find("\n" + std::string(line) + "\n");
  REQUIRE(at != std::string::npos);
  return text.replace(at + 1, line.size(), with);
}

const Texts no_limit = {
    "it has no limit to its memory, and a flood of clients could use up that of the host: set `maxmemory`, and "
    "`maxmemory-policy volatile-ttl`"};

}  // namespace

TEST_CASE("a Redis as the manual recommends it needs no advice") {
  CHECK(redis_advice(recorded("recommended"), "").empty());
  CHECK(redis_advice(recorded("recommended"), "everysec").empty());
}

TEST_CASE("a Redis as it comes has no limit to its memory") {
  CHECK(redis_advice(recorded("default"), "") == no_limit);
}

TEST_CASE("lines may end as Redis sends them") {
  std::string sent;
  for (const char c : recorded("default")) sent.append(c == '\n' ? "\r\n" : std::string(1, c));
  CHECK(redis_advice(sent, "") == no_limit);
}

TEST_CASE("a replica is told to name its master, and one that forgets at random to forget what ends first") {
  CHECK(redis_advice(recorded("replica"), "") ==
        Texts{"it is a replica, and only a master counts: name its master, 127.0.0.1 port 7501, or the sentinels",
              "when it is full it forgets counts at random, those of attackers too (maxmemory-policy allkeys-random): "
              "set `maxmemory-policy volatile-ttl`, which begins with those that end first"});
}

TEST_CASE("a master that writes each count to its disk and counts without its replicas is told of both") {
  CHECK(redis_advice(recorded("always_on_disk"), "always") ==
        Texts{"when it is full it refuses to count, and each node counts for itself (maxmemory-policy noeviction): set "
              "`maxmemory-policy volatile-ttl`, unless it keeps what others cannot lose",
              "each count waits for the disk (appendfsync always): set `appendfsync everysec`, which loses a second of "
              "bans and counts at most, if the host crashes",
              "it has replicas, and counts on when it is cut off from them, which a failover loses: set "
              "`min-replicas-to-write 1`, or put up with it where sharing must not end with the last replica"});
}

TEST_CASE("how often the file is written matters where there is one, and is known") {
  CHECK(store::keeps_append_only_file(recorded("always_on_disk")));
  CHECK_FALSE(store::keeps_append_only_file(recorded("recommended")));
  CHECK(redis_advice(recorded("recommended"), "always").empty());
  CHECK(redis_advice(recorded("always_on_disk"), "everysec").size() == 2);
  CHECK(redis_advice(recorded("always_on_disk"), "").size() == 2);
}

TEST_CASE("each policy is judged by what is forgotten first") {
  struct Row {
    std::string_view policy;
    std::size_t pieces;
  };
  for (const auto& row :
       {Row{"volatile-ttl", 0}, Row{"volatile-lru", 0}, Row{"volatile-lfu", 0}, Row{"volatile-random", 1},
        Row{"allkeys-lru", 0}, Row{"allkeys-lfu", 0}, Row{"allkeys-random", 1}, Row{"noeviction", 1}}) {
    CAPTURE(row.policy);
    const auto info = replaced(recorded("recommended"), "maxmemory_policy:volatile-ttl",
                               "maxmemory_policy:" + std::string(row.policy));
    CHECK(redis_advice(info, "").size() == row.pieces);
  }
}

TEST_CASE("a server that is part of a cluster, or a sentinel, is not one to count on") {
  for (const std::string mode : {"cluster", "sentinel"}) {
    const auto info = replaced(recorded("recommended"), "redis_mode:standalone", "redis_mode:" + mode);
    CHECK(redis_advice(info, "") ==
          Texts{"it runs in " + mode + " mode, in which it does not count: name a server that runs by itself"});
  }
}

TEST_CASE("what is not mentioned is taken to be well") {
  CHECK(redis_advice("", "").empty());
  CHECK(redis_advice("maxmemory", "always").empty());
  CHECK(redis_advice("xmaxmemory:0\nmaxmemory_:0\n# maxmemory:0\n", "").empty());
}

}  // namespace mxwarden
