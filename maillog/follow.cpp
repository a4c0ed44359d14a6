#include "maillog/follow.hpp"

#include <filesystem>
#include <utility>

#include "maillog/follower.hpp"

namespace mxwarden::maillog {
namespace {

using Kind = conf::LogSource::Kind;

conf::LogSource source_of(const conf::Started& started) {
  if (!started.operand) return started.configuration.settings.maillog.source;
  if (*started.operand == "-") return {Kind::standard_input, {}};
  return {Kind::file, std::filesystem::absolute(*started.operand).lexically_normal().string()};
}

}  // namespace

int follow(conf::Started started) {
  auto from = source_of(started);
  Follower follower(std::move(started.source), std::move(started.configuration), std::move(from));
  return follower.run();
}

}  // namespace mxwarden::maillog
