#pragma once
// What an administrator should know about the settings of a Redis that is to count for us, said before it matters.
// Pure: docs/redis.md gives the reasons.

#include <string>
#include <string_view>
#include <vector>

namespace mxwarden::store {

// `info`: the answer to INFO. `appendfsync`: that setting, which INFO does not tell; empty: not known. Each piece of
// advice is a sentence, what is found and then what to do about it; what INFO does not mention is taken to be well.
std::vector<std::string> redis_advice(std::string_view info, std::string_view appendfsync);

// Redis keeps an append-only file, so that `appendfsync` means something.
bool keeps_append_only_file(std::string_view info);

}  // namespace mxwarden::store
