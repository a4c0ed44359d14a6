#pragma once
// A limit while its section is being read: what belongs together (windows and limits, what is counted and where) can be
// checked only when all of it is there.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "conf/limit.hpp"

namespace mxwarden::conf {

inline constexpr std::size_t most_windows = 8;
inline constexpr std::uint64_t largest_limit = 4'294'967'295;

struct LimitDraft {
  Limit limit;  // name, mode, key, when, action
  std::optional<Counted> counted;
  std::optional<ProtocolState> stage;
  std::vector<Duration> windows;
  bool per_message = false;
  std::vector<std::uint64_t> limits;
  bool limits_have_units = false;
};

LimitDraft client_conn_draft();
LimitDraft client_rate_draft();
LimitDraft message_recipients_draft();
LimitDraft login_rate_draft();
LimitDraft login_messages_draft();
LimitDraft login_sender_draft();
LimitDraft named_limit_draft(std::string name);

// `60s 1h`, or `message`.
Result<void> read_windows(LimitDraft& draft, std::string_view text);
// `60 600`, `4M`.
Result<void> read_limits(LimitDraft& draft, std::string_view text);
// `20`: of what has no windows.
Result<void> read_one_limit(LimitDraft& draft, std::string_view text);

// Names a fault and the setting it is best mended at.
using FaultOf = std::function<void(std::string_view setting, std::string what)>;
// The limit, after everything was read without a fault and what is required is there.
Limit finish(const LimitDraft& draft, const FaultOf& fault);

std::string print_windows(const Limit& limit);
std::string print_limits(const Limit& limit);

}  // namespace mxwarden::conf
