#include "base/idna.hpp"

#include <fmt/format.h>
#include <idn2.h>

#include <memory>

namespace mxwarden {

Result<std::string> to_a_labels(std::string_view domain) {
  char* converted = nullptr;
  const auto status = idn2_to_ascii_8z(std::string(domain).c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, decltype(&idn2_free)> owner(converted, idn2_free);
  if (status != IDN2_OK) {
    return Error{fmt::format("`{}' cannot be a name in the DNS: {}", domain, idn2_strerror(status))};
  }
  return Result<std::string>(boost::system::in_place_value, converted);
}

}  // namespace mxwarden
