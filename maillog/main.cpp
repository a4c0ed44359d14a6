// mxwarden-maillog: reads the mail log, and tells mxwardend what has happened.
//
// Exit status: 0 at a signal or at the end of standard input, 64 wrong usage, 66 what is to be read cannot be, 70 a
// fault of ours, 71 there is no log to write to, 73 how far it has read cannot be kept, or another process reads the
// same, 74 the output of --dry-run or --stats cannot be written, 78 bad configuration.

#include <sysexits.h>

#include <array>
#include <iostream>

#include "base/log.hpp"
#include "conf/command_line.hpp"
#include "maillog/follow.hpp"
#include "maillog/once/read_once.hpp"

namespace {

using namespace mxwarden;

constexpr std::array flags{
    conf::Flag{"dry-run", "read the log once, and print what is recognised and what would follow; tell nobody"},
    conf::Flag{"stats", "read the log once, and count its lines by what they are; show some that are not known"},
    conf::Flag{"json", "with these two: one JSON object a line"}};

constexpr conf::Program program{.name = "mxwarden-maillog",
                                .purpose = "reads the mail log, and tells mxwardend what has happened",
                                .operand = "[FILE | -]",
                                .flags = flags,
                                .uses_store = false};

int run(conf::Started started) {
  if (started.has("dry-run") || started.has("stats")) return maillog::read_once(started, std::cout, std::cerr);
  if (started.has("json")) {
    std::cerr << program.name << ": --json goes with --dry-run or --stats\n";
    return conf::exit_usage;
  }
  const auto& settings = started.configuration.settings;
  if (!conf::start_log(program, settings, started.report)) return conf::exit_configuration;
  return maillog::follow(std::move(started));
}

}  // namespace

int main(int argc, char** argv) {
  return conf::run(program, argc, argv, run);
}
