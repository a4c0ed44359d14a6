#pragma once
// Whole files of the administrator's.

#include <optional>
#include <string>

#include "base/result.hpp"

namespace mxwarden::conf {

// Nothing: there is no such file.
Result<std::optional<std::string>> read_file(const std::string& path);

}  // namespace mxwarden::conf
