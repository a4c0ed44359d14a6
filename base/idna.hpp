#pragma once
// Internationalised domain names (RFC 5891), through libidn2.

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mxwarden {

// `bücher.example` -> `xn--bcher-kva.example`. UTF-8 that is not normalised is; labels that are A-labels already stay.
Result<std::string> to_a_labels(std::string_view domain);

}  // namespace mxwarden
