#include "server/control_events.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "policy/event_effects.hpp"

namespace mxwarden::server {
namespace {

constexpr std::size_t most_events = 1'000;
constexpr auto largest_seq = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

void read_events(const boost::json::array& array, Members& members, std::vector<policy::MailEvent>& events) {
  if (array.size() > most_events) return members.fail(fmt::format("`events' are at most {} at a time", most_events));
  for (const auto& value : array) {
    const auto* object = value.if_object();
    auto event =
        object == nullptr ? Result<policy::MailEvent>(Error{"it is no object"}) : policy::parse_mail_event(*object);
    if (!event) return members.fail(fmt::format("event {}: {}", events.size() + 1, event.error().message));
    events.push_back(std::move(*event));
  }
}

}  // namespace

void take_events(Call& call) {
  auto& members = call.members;
  policy::EventBatch batch;
  batch.source = members.text("source", Need::required);
  batch.seq = members.number("seq", Need::required, largest_seq, "a number").value_or(0);
  const auto* array = members.array("events", Need::required);
  const ControlOperations::LogLines lines{.read = members.count("lines").value_or(0),
                                          .unknown = members.count("unknown").value_or(0)};
  if (array != nullptr) read_events(*array, members, batch.events);
  if (call.faulty()) return;
  const auto seq = batch.seq;
  call.daemon.take_events(std::move(batch), lines, [reply = call.reply, seq](const Result<void>& outcome) {
    if (!outcome) return reply.error(outcome.error().message);
    reply.ok(fmt::format(R"("seq":{})", seq));
  });
}

}  // namespace mxwarden::server
