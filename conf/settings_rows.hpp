#pragma once
// The rows of the one table of settings (conf/settings_table.hpp), by what they are about. Only settings_table.cpp puts
// them together; what the files of rows share is here, too.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "conf/settings_table.hpp"

namespace mxwarden::conf {

std::span<const Setting> server_settings();  // [server], [log], [store]
std::span<const Setting> redis_settings();
std::span<const Setting> client_settings();  // [client], and the limits
std::span<const Setting> record_settings();  // what goes by records, and [guard]
std::span<const Setting> mail_bomb_settings();
std::span<const Setting> maillog_settings();
std::span<const Setting> firewall_settings();

using Texts = std::vector<std::string>;

inline constexpr std::string_view this_release = "0.1";

template <class Member, class Value>
Result<void> put(Member& member, Result<Value> value) {
  if (!value) return value.error();
  member = static_cast<Member>(std::move(*value));
  return {};
}

}  // namespace mxwarden::conf
