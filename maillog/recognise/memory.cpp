#include "maillog/recognise/memory.hpp"

#include <algorithm>
#include <functional>

namespace mxwarden::maillog {

std::optional<QueueId> QueueId::parse(std::string_view text) {
  QueueId id;
  if (text.empty() || text.size() > id.text_.size()) return std::nullopt;
  if (!std::ranges::all_of(text, is_letter_or_digit)) return std::nullopt;
  std::ranges::copy(text, id.text_.begin());
  id.size_ = static_cast<std::uint8_t>(text.size());
  return id;
}

std::size_t KeyHash::operator()(const SessionKey& key) const {
  const auto& bytes = key.address.bytes();
  const std::string_view address(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::size_t spread = 0x9e3779b97f4a7c15U;
  return (std::hash<std::string_view>{}(address) ^ key.number) * spread >> 32U;
}

std::size_t KeyHash::operator()(const QueueId& id) const {
  return std::hash<std::string_view>{}(id.text());
}

bool Memory::again(const SessionKey& key, const Address& client, policy::EventKind kind) {
  const auto bit = std::uint32_t{1} << static_cast<unsigned>(kind);
  auto* session = sessions_.find(key);
  if (session == nullptr || session->client != client) session = &sessions_.put(key, {client, 0});
  const bool before = (session->had & bit) != 0;
  session->had |= bit;
  return before;
}

}  // namespace mxwarden::maillog
