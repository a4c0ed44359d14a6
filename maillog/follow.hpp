#pragma once
// mxwarden-maillog as a daemon: follows the source, and hands its events to mxwardend.

#include "conf/command_line.hpp"

namespace mxwarden::maillog {

// Until a signal ends it. `started.operand`, a path or `-`, takes the place of [maillog] source. Returns the exit
// status; the log was started.
int follow(conf::Started started);

}  // namespace mxwarden::maillog
