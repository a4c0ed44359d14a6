#include "store/redis_address.hpp"

#include <fmt/format.h>

#include <charconv>

namespace mxwarden::store {

std::optional<SocketAddress> SocketAddress::parse(std::string_view address, std::string_view port) {
  const auto parsed = Address::parse(address);
  std::uint16_t number = 0;
  const auto* const end = port.data() + port.size();
  const auto [stopped_at, fault] = std::from_chars(port.data(), end, number);
  if (!parsed || fault != std::errc{} || stopped_at != end || number == 0) return std::nullopt;
  return SocketAddress{*parsed, number};
}

std::string SocketAddress::to_string() const {
  const auto host = address.to_string();
  return fmt::format("{}:{}", address.is_ipv4() ? host : "[" + host + "]", port);
}

}  // namespace mxwarden::store
