#include "maillog/delivery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "base/escape.hpp"

namespace mxwarden::maillog {
namespace {

namespace json = boost::json;

// Beside the events of a request.
constexpr std::size_t frame_bytes = 2000;

struct Answer {
  bool ok = false;
  std::string error;
  bool fatal = false;
};

Answer parse_answer(std::string_view text) {
  json::error_code error;
  const auto value = json::parse(text, error);
  const auto* object = error ? nullptr : value.if_object();
  Answer answer;
  if (object == nullptr) {
    answer.error = "its answer is no JSON object";
    return answer;
  }
  const auto is_true = [&](std::string_view name) {
    const auto* member = object->if_contains(name);
    return member != nullptr && member->is_bool() && member->get_bool();
  };
  answer.ok = is_true("ok");
  answer.fatal = is_true("fatal");
  const auto* sentence = object->if_contains("error");
  if (sentence != nullptr && sentence->is_string()) answer.error = std::string(sentence->get_string());
  return answer;
}

// As mxwardend knows the user alone, and not what runs as it.
std::string_view remedy_for(std::string_view error) {
  if (error.find("is not for the user that asks") == std::string_view::npos) return {};
  return "; run mxwarden-maillog as the user that [server] maillog_user names";
}

// Which event of a batch an error is about, the first being 1: `event 3: ...`.
std::optional<std::size_t> wrong_event(std::string_view error) {
  constexpr std::string_view begin = "event ";
  if (!error.starts_with(begin)) return std::nullopt;
  std::size_t number = 0;
  const auto* end = error.data() + error.size();
  const auto parsed = std::from_chars(error.data() + begin.size(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != ':') return std::nullopt;
  return number;
}

}  // namespace

Delivery::Delivery(std::string source, std::uint64_t position, Options options, Say say)
    : source_(std::move(source)),
      options_(options),
      say_(std::move(say)),
      seen_(position),
      acknowledged_(position),
      back_off_(options.seed) {}

void Delivery::take(std::uint64_t position, const policy::MailEvent* event, bool unknown) {
  seen_ = position;
  ++lines_.read;
  if (unknown) ++lines_.unknown;
  if (event != nullptr) {
    make_room();
    waiting_.push_back({position, policy::to_text(*event)});
    counts_.most_waited = std::max(counts_.most_waited, waiting_.size());
  }
  if (waiting_.empty()) acknowledged_ = seen_;
}

// Of those that are on their way none is dropped: they may have arrived.
void Delivery::make_room() {
  const auto on_their_way = batch_ ? batch_->events : 0;
  if (!options_.may_drop || waiting_.size() < most_waiting || waiting_.size() == on_their_way) return;
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(on_their_way));
  ++counts_.dropped;
}

bool Delivery::full() const {
  const auto drops = options_.may_drop && away_since_;
  return waiting_.size() >= enough_waiting && !drops;
}

std::optional<std::string> Delivery::next(Instant now) {
  if (batch_ || (again_at_ && now < *again_at_)) return std::nullopt;
  if (waiting_.empty() && (lines_.read == 0 || now < lines_due_)) return std::nullopt;
  std::string events;
  take_batch(events);
  lines_due_ = now + lines_interval;
  JsonText request(events.size() + frame_bytes);
  request.add("op", "event");
  request.add("source", source_);
  request.add_number("seq", batch_->position);
  request.add_number("lines", batch_->lines.read);
  request.add_number("unknown", batch_->lines.unknown);
  request.add_json("events", "[" + events + "]");
  return std::move(request).end();
}

void Delivery::take_batch(std::string& events) {
  Batch batch{.lines = std::exchange(lines_, {})};
  while (batch.events < waiting_.size() && batch.events < most_events) {
    const auto& text = waiting_[batch.events].text;
    if (!events.empty() && events.size() + 1 + text.size() > most_bytes - frame_bytes) break;
    if (!events.empty()) events += ',';
    events += text;
    ++batch.events;
  }
  // With the last one goes all that was looked at behind it.
  batch.position = batch.events == waiting_.size() ? seen_ : waiting_[batch.events - 1].position;
  batch_ = batch;
}

std::optional<Instant> Delivery::due() const {
  if (batch_ || waiting_.empty()) return std::nullopt;
  return again_at_;
}

void Delivery::answered(std::string_view text, Instant now) {
  if (!batch_) return;
  const auto answer = parse_answer(text);
  const auto event = wrong_event(answer.error);
  if (answer.ok) {
    works(now);
    done();
  } else if (event || answer.fatal) {
    works(now);
    refused(answer.error, event);
  } else {
    lost(fmt::format("it says: {}{}", printable(answer.error), remedy_for(answer.error)), now);
  }
}

void Delivery::done() {
  const auto batch = *std::exchange(batch_, std::nullopt);
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(batch.events));
  counts_.delivered += batch.events;
  acknowledged_ = waiting_.empty() ? seen_ : batch.position;
}

// The others come again at once.
void Delivery::refused(std::string_view why, std::optional<std::size_t> event) {
  const auto batch = *std::exchange(batch_, std::nullopt);
  lines_.read += batch.lines.read;
  lines_.unknown += batch.lines.unknown;
  auto first = waiting_.begin();
  auto last = first + static_cast<std::ptrdiff_t>(batch.events);
  if (event && *event >= 1 && *event <= batch.events) {
    first += static_cast<std::ptrdiff_t>(*event - 1);
    last = first + 1;
  }
  for (auto wrong = first; wrong != last; ++wrong) {
    ++counts_.wrong;
    say_(log::Level::error, fmt::format("mxwardend does not take an event, which is dropped: {}; the event: {}",
                                        printable(why), printable(wrong->text)));
  }
  waiting_.erase(first, last);
  if (waiting_.empty()) acknowledged_ = seen_;
}

void Delivery::lost(std::string_view why, Instant now) {
  if (batch_) {
    lines_.read += batch_->lines.read;
    lines_.unknown += batch_->lines.unknown;
    batch_.reset();
  }
  again_at_ = now + back_off_.next();
  if (away_since_) return;
  away_since_ = now;
  dropped_before_ = counts_.dropped;
  say_(log::Level::warn,
       fmt::format("mxwardend does not take what the log says: {}; it is tried again{}", why, backlog()));
}

void Delivery::works(Instant now) {
  back_off_.begin_anew();
  again_at_.reset();
  if (!away_since_) return;
  const auto away = std::chrono::floor<std::chrono::milliseconds>(now - *std::exchange(away_since_, std::nullopt));
  const auto dropped = counts_.dropped - dropped_before_;
  const auto events =
      waiting_.empty() ? "" : fmt::format("; {} events waited, {} were dropped before", waiting_.size(), dropped);
  say_(dropped == 0 ? log::Level::info : log::Level::warn,
       fmt::format("mxwardend takes what the log says again, after {:.1f} s{}",
                   static_cast<double>(away.count()) / 1000, events));
}

std::string Delivery::backlog() const {
  return waiting_.empty() ? "" : fmt::format(", {} events wait", waiting_.size());
}

}  // namespace mxwarden::maillog
