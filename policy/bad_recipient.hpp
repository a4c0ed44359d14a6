#pragma once
// Who guesses addresses ([bad_recipient]): counts the distinct recipients of a client that do not exist, and those that
// do, and judges. Pure.
//
// Guilty is who has tried more than `distinct` unknown recipients of which more than `share` of all distinct ones that
// it has tried were unknown, within `forget`; or who tries unknown ones faster than `rate`. A list server with stale
// addresses has accepted ones beside them, and a new envelope sender for each mail changes nothing.
//
// Who is only suspected is judged by the suspected recipients alone, or by those that have come to count before.
//
// Bounded: of each client 128 unknown and 128 accepted recipients are told apart. Who has as many accepted ones is no
// guesser up to a share of 50%.

#include <optional>
#include <string>
#include <string_view>

#include "conf/settings.hpp"
#include "policy/decision.hpp"
#include "store/store.hpp"

namespace mxwarden::policy {

inline constexpr std::string_view bad_recipient_name = "bad_recipient";
inline constexpr std::uint64_t most_recipients_known_apart = 128;

// What is counted when `client`, as an entity, has tried a recipient. `lately`: it counts for the rate as well, which
// what is read long after it happened does not. The answers are for judge_unknown_recipient().
void count_unknown_recipient(store::Counts& counts, const std::string& client, std::string_view recipient, bool lately,
                             const conf::Settings::BadRecipient& settings);
// While it is only suspected (policy/recipient_watch.hpp): `suspected` for the time that takes, or empty, to look only;
// then `asked` is any recipient. The answers are for judge_suspected_recipient().
void count_suspected_recipient(store::Counts& counts, const std::string& client, std::string_view suspected,
                               std::string_view asked, const conf::Settings::BadRecipient& settings);
void count_accepted_recipient(store::Counts& counts, const std::string& client, std::string_view recipient,
                              const conf::Settings::BadRecipient& settings);

// A reason for people, if the client is guilty; `6 unknown recipients of 7`.
std::optional<std::string> judge_unknown_recipient(store::Answers answers,
                                                   const conf::Settings::BadRecipient& settings);
// The figures, if the client is to be put off.
std::optional<Cause> judge_suspected_recipient(store::Answers answers, const conf::Settings::BadRecipient& settings);

}  // namespace mxwarden::policy
