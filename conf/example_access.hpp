#pragma once
// The example access table, as it is installed: what can be said, each line commented out.

#include <string>

namespace mxwarden::conf {

std::string example_access();

}  // namespace mxwarden::conf
