#include "store/sentinel_vote.hpp"

#include <algorithm>

namespace mxwarden::store {

std::optional<SocketAddress> vote(std::span<const SentinelVoice> voices, bool in_need) {
  if (std::ranges::any_of(voices, &SentinelVoice::is_busy)) return std::nullopt;
  const auto say = [&](const SentinelVoice& voice) {
    return voice.names ? std::ranges::count(voices, voice.names, &SentinelVoice::names) : 0;
  };
  const auto heard = std::ranges::count_if(voices, [](const SentinelVoice& voice) { return voice.names.has_value(); });
  const auto first = std::ranges::max_element(voices, {}, say);
  if (first == voices.end()) return std::nullopt;
  const bool agreed = say(*first) == heard && 2 * heard > std::ssize(voices);
  return in_need || agreed ? first->names : std::nullopt;
}

}  // namespace mxwarden::store
