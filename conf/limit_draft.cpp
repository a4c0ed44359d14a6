#include "conf/limit_draft.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

constexpr Duration shortest_window = std::chrono::seconds(1);
constexpr Duration longest_window = std::chrono::hours(24) * 366;
// A store remembers the members of a distinct count one by one (store::distinct_most).
constexpr std::uint64_t largest_distinct = 1000;
// How long what a node says of a client's open connections stands; it says it again well before.
constexpr Duration connections_stand = std::chrono::seconds(10);

ProtocolState usual_stage(Counted counted) {
  switch (counted) {
    case Counted::connections:
      return ProtocolState::connect;
    case Counted::bytes:
      return ProtocolState::end_of_message;
    default:
      return ProtocolState::rcpt;
  }
}

// Where Postfix knows what is to be counted: size from MAIL on (and exactly at END-OF-MESSAGE), a message from MAIL on,
// a recipient's address at RCPT, the number of recipients from DATA on.
std::vector<ProtocolState> stages_for(Counted counted) {
  using enum ProtocolState;
  switch (counted) {
    case Counted::connections:
      return {connect};
    case Counted::messages:
    case Counted::bytes:
      return {mail, rcpt, data, end_of_message};
    case Counted::recipients:
      return {rcpt, data, end_of_message};
    case Counted::distinct_recipients:
      return {rcpt};
    case Counted::distinct_clients:
      return {connect, mail, rcpt, data, end_of_message};
  }
  return {};
}

bool is_distinct(Counted counted) {
  return counted == Counted::distinct_recipients || counted == Counted::distinct_clients;
}

// To DATA and END-OF-MESSAGE Postfix names a recipient only if the message has no other.
void check_recipient(const LimitDraft& draft, const Limit& limit, const FaultOf& fault) {
  if (limit.stage != ProtocolState::data && limit.stage != ProtocolState::end_of_message) return;
  const auto is_recipient = [](const KeyPart& part) { return part.attribute == Attribute::recipient; };
  if (std::ranges::none_of(limit.key.parts, is_recipient)) return;
  const auto usual = draft.stage ? std::string() : fmt::format(", where {} are counted", to_string(limit.counted));
  const auto announced = limit.counted == Counted::bytes ? ", which counts the size that the client has announced" : "";
  fault(draft.stage ? "stage" : "key",
        fmt::format("a key with recipient cannot be used at {}{}: Postfix names no recipient there if a message has "
                    "several; allowed is stage = RCPT{}, or a key without recipient",
                    to_string(limit.stage), usual, announced));
}

void check_stage(const LimitDraft& draft, const Limit& limit, const FaultOf& fault) {
  const auto stages = stages_for(limit.counted);
  if (std::ranges::find(stages, limit.stage) != stages.end()) return check_recipient(draft, limit, fault);
  std::vector<std::string_view> names;
  for (const auto stage : stages) names.push_back(to_string(stage));
  fault("stage", fmt::format("{} cannot be counted at {}; allowed is {}", to_string(limit.counted),
                             to_string(limit.stage), alternatives(names)));
}

void check_windows(const LimitDraft& draft, const FaultOf& fault) {
  if (draft.limits.size() != draft.windows.size() && !draft.per_message) {
    fault("limit", fmt::format("limit has {} and window {}; write one limit for each window", draft.limits.size(),
                               draft.windows.size()));
  }
  if (!draft.per_message) return;
  if (draft.limits.size() != 1) {
    fault("limit", fmt::format("there are {} limits; within one message there is one", draft.limits.size()));
  }
  if (draft.counted != Counted::recipients || draft.stage.value_or(ProtocolState::rcpt) != ProtocolState::rcpt) {
    fault("window", "`message' is allowed only with count = recipients and stage = RCPT");
  }
}

void check_limits(const LimitDraft& draft, const FaultOf& fault) {
  const auto counted = *draft.counted;
  if (draft.limits_have_units && counted != Counted::bytes) {
    fault("limit", fmt::format("only bytes have the units K, M and G; write {} as plain numbers", to_string(counted)));
  }
  if (is_distinct(counted) && std::ranges::any_of(draft.limits, [](auto limit) { return limit > largest_distinct; })) {
    fault("limit", fmt::format("for {} a limit is at most {}", to_string(counted), largest_distinct));
  }
}

LimitDraft login_draft(std::string name, Counted counted) {
  auto draft = named_limit_draft(std::move(name));
  draft.limit.key = Key::parse("sasl_username").value();
  draft.counted = counted;
  return draft;
}

}  // namespace

LimitDraft client_conn_draft() {
  auto draft = named_limit_draft("client_conn");
  draft.limit.key = Key::parse("client_address").value();
  draft.counted = Counted::connections;
  draft.windows = {connections_stand};
  return draft;
}

LimitDraft client_rate_draft() {
  auto draft = named_limit_draft("client_rate");
  draft.limit.key = Key::parse("client_address").value();
  draft.counted = Counted::connections;
  return draft;
}

LimitDraft message_recipients_draft() {
  auto draft = named_limit_draft("message_recipients");
  // With a window of one message the key says only whom the limit is about: trusted clients are exempt.
  draft.limit.key = Key::parse("client_address").value();
  draft.limit.when = When::parse("not logged in").value();
  draft.counted = Counted::recipients;
  draft.per_message = true;
  return draft;
}

LimitDraft login_rate_draft() {
  return login_draft("login_rate", Counted::recipients);
}

LimitDraft login_messages_draft() {
  return login_draft("login_messages", Counted::messages);
}

LimitDraft login_sender_draft() {
  return login_draft("login_sender", Counted::messages);
}

LimitDraft named_limit_draft(std::string name) {
  LimitDraft draft;
  draft.limit.name = std::move(name);
  return draft;
}

Result<void> read_windows(LimitDraft& draft, std::string_view text) {
  std::vector<Duration> windows;
  const auto items = words(text);
  const bool per_message = items.size() == 1 && items.front() == "message";
  if (!per_message) {
    for (const auto item : items) {
      const auto window = parse_duration(item, shortest_window, longest_window);
      if (!window) return window.error();
      windows.push_back(*window);
    }
    if (windows.empty() || windows.size() > most_windows) {
      return Error{fmt::format("{} windows; write 1 to {}, as in `60s 1h'", windows.size(), most_windows)};
    }
  }
  draft.per_message = per_message;
  draft.windows = std::move(windows);
  return {};
}

Result<void> read_limits(LimitDraft& draft, std::string_view text) {
  std::vector<std::uint64_t> limits;
  bool have_units = false;
  for (const auto item : words(text)) {
    const auto limit = parse_size(item, largest_limit);
    if (!limit) {
      return Error{fmt::format("`{}' is not a limit; write a number up to {} (0: no limit), for bytes also 500K, 4M",
                               item, largest_limit)};
    }
    limits.push_back(*limit);
    have_units = have_units || !all_digits(item);
  }
  if (limits.empty() || limits.size() > most_windows) {
    return Error{fmt::format("{} limits; write 1 to {}, as in `60 600'", limits.size(), most_windows)};
  }
  draft.limits_have_units = have_units;
  draft.limits = std::move(limits);
  return {};
}

Result<void> read_one_limit(LimitDraft& draft, std::string_view text) {
  const auto limit = parse_number(text, 0, largest_limit);
  if (!limit) return limit.error();
  draft.limits = {*limit};
  return {};
}

Limit finish(const LimitDraft& draft, const FaultOf& fault) {
  auto limit = draft.limit;
  limit.counted = draft.counted.value();
  limit.stage = draft.stage.value_or(usual_stage(limit.counted));
  limit.per_message = draft.per_message;
  for (std::size_t at = 0; at < draft.limits.size(); ++at) {
    const auto length = at < draft.windows.size() ? draft.windows[at] : Duration::zero();
    limit.windows.push_back({length, draft.limits[at]});
  }
  check_stage(draft, limit, fault);
  check_windows(draft, fault);
  check_limits(draft, fault);
  return limit;
}

std::string print_windows(const Limit& limit) {
  if (limit.per_message) return "message";
  std::string text;
  for (const auto& window : limit.windows) text += (text.empty() ? "" : " ") + mxwarden::to_string(window.length);
  return text;
}

std::string print_limits(const Limit& limit) {
  std::string text;
  for (const auto& window : limit.windows) text += (text.empty() ? "" : " ") + std::to_string(window.limit);
  return text;
}

}  // namespace mxwarden::conf
