#pragma once
// Who a line of Postfix is about: `NAME[ADDR]` or `NAME[ADDR]:PORT`, and postscreen's `[ADDR]:PORT`. Postfix takes NAME
// from the DNS only if it is a host's name, so it holds no blank and no bracket.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "maillog/recognise/cursor.hpp"

namespace mxwarden::maillog {

struct Peer {
  std::string_view text;  // as it stands there, with its port
  std::string_view name;  // empty: not known
  Address address;
  std::uint32_t port = 0;  // 0: none is given

  // Without the port, `client.example[192.0.2.7]`.
  std::string_view without_port() const { return text.substr(0, text.rfind(']') + 1); }
};

// Nothing is taken unless the address is one.
std::optional<Peer> take_peer(Cursor& cursor);

}  // namespace mxwarden::maillog
