#pragma once
// --dry-run and --stats: reads a log once, and says what is recognised in it and what would follow; nobody is told.

#include <iosfwd>

#include "conf/command_line.hpp"

namespace mxwarden::maillog {

// Of `started.operand`, else of [maillog] source if that is a file. Returns the exit status.
int read_once(const conf::Started& started, std::ostream& out, std::ostream& err);

}  // namespace mxwarden::maillog
