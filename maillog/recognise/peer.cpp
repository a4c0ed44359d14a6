#include "maillog/recognise/peer.hpp"

namespace mxwarden::maillog {
namespace {

constexpr std::string_view ipv6_label = "IPv6:";

}  // namespace

std::optional<Peer> take_peer(Cursor& cursor) {
  const auto text = cursor.rest();
  Cursor ahead = cursor;
  const auto name = ahead.take_while([](char c) { return c != '[' && c != ' '; });
  if (!ahead.take("[")) return std::nullopt;
  ahead.take(ipv6_label);
  const auto address_text = ahead.take_while([](char c) { return c != ']' && c != ' '; });
  if (!ahead.take("]")) return std::nullopt;
  const auto address = Address::parse(address_text);
  if (!address) return std::nullopt;
  Peer peer{.text = {}, .name = name == "unknown" ? std::string_view{} : name, .address = *address};
  if (Cursor behind = ahead; behind.take(":")) {
    if (const auto port = behind.take_number()) {
      peer.port = *port;
      ahead = behind;
    }
  }
  peer.text = text.substr(0, text.size() - ahead.rest().size());
  cursor = ahead;
  return peer;
}

}  // namespace mxwarden::maillog
