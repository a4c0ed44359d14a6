#include "store/redis_script.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/container/small_vector.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/duration.hpp"
#include "store/judgement.hpp"
#include "store/key.hpp"
#include "store/ring.hpp"
#include "store/ring_body.hpp"

namespace mxwarden::store {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr double time_of_server = -1;
constexpr std::uint64_t writes_nothing = 1;
constexpr std::uint64_t no_gauge = 0;
constexpr std::uint64_t last_gauge = 1;
constexpr std::uint64_t gauge_before_others = 2;
constexpr std::uint64_t coarser_than_any = 0xFF;  // -1: a byte with a sign
constexpr std::uint64_t finer_than_any = 0x7F;
constexpr std::string_view end_of_text{"\0", 1};
constexpr std::size_t usual_windows = 3;
constexpr std::size_t size_of_ends = 8;  // when slices end, at the head of a value

// The script reckons in doubles. So much may be asked for that it and all a ring can hold are below 2^53.
constexpr std::uint64_t n_most = std::uint64_t{1} << 52U;
constexpr std::uint64_t limit_most = (std::uint64_t{1} << 53U) - 1;
constexpr std::uint64_t gauge_most = std::numeric_limits<std::uint32_t>::max();

// An argument that is put together in parts. Few are longer than its own memory.
class Argument {
 public:
  void append(std::string_view part) { text_.insert(text_.end(), part.begin(), part.end()); }
  void append(double number) { append_little_endian(std::bit_cast<std::uint64_t>(number)); }
  void append_little_endian(std::uint64_t value, std::size_t size = sizeof(std::uint64_t)) {
    std::array<char, sizeof value> bytes;
    for (char& byte : bytes) {
      byte = static_cast<char>(value);
      value >>= 8U;
    }
    append({bytes.data(), size});
  }
  void append_decimal(std::uint64_t value) {
    char digits[20];
    append({digits, std::to_chars(digits, digits + sizeof digits, value).ptr});
  }
  std::string_view text() const { return {text_.data(), text_.size()}; }

 private:
  boost::container::small_vector<char, 256> text_;
};

// Upwards: a window that is too long admits too little, one that is too short too much.
Microseconds in_microseconds(const Window& window) {
  return std::chrono::ceil<Microseconds>(window.length);
}

bool is_distinct(const Count& count) {
  return !count.member.empty();
}

bool is_wide(const Window& window) {
  return window.limit == Window::no_limit || window.limit > narrow_limit_most;
}

void append_entity(Argument& to, std::string_view entity) {
  for (std::size_t plain = 0; (plain = entity.find_first_of("}%")) != std::string_view::npos;) {
    to.append(entity.substr(0, plain));
    to.append(entity[plain] == '%' ? "%25" : "%7D");
    entity.remove_prefix(plain + 1);
  }
  to.append(entity);
}

void append_length(Argument& to, Microseconds length) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(length);
  if (whole == length) return to.append(to_string(whole));
  to.append_decimal(static_cast<std::uint64_t>(length.count()));
  to.append("us");
}

void append_entity_of_key(Argument& to, const RedisNames& names, const Count& count) {
  to.append(names.prefix);
  to.append(":3{");
  append_entity(to, count.entity);
  to.append("}");
}

void append_rest_of_key(Argument& to, const Count& count) {
  to.append(count.counter);
  std::string_view separator = is_distinct(count) ? "#" : "/";
  for (const Window& window : count.windows) {
    to.append(separator);
    append_length(to, in_microseconds(window));
    if (!is_distinct(count) && !count.gauge && is_wide(window)) to.append("w");
    separator = ",";
  }
  if (count.gauge) to.append("@");
}

// Whether it has the form of the script's usual question.
bool is_usual(const Count& count) {
  return !is_distinct(count) && count.windows.size() <= usual_windows &&
         std::none_of(count.windows.begin(), count.windows.end(), is_wide);
}

void append_usual_limits(Argument& to, const Count& count) {
  for (std::size_t i = 0; i < usual_windows; ++i) {
    const bool has_limit = i < count.windows.size();
    to.append_little_endian(has_limit ? count.windows[i].limit : narrow_limit_most, 2);
  }
}

// In the place of those: of how many counts it is the first, and of a gauge whether it is the last.
void append_place(Argument& to, std::size_t first_of, std::uint64_t gauge) {
  to.append_little_endian(0, 2);
  to.append_little_endian(first_of, 2);
  to.append_little_endian(gauge, 2);
}

// Of two rings, whatever their entities.
bool asks_the_same(const Count& one, const Count& other) {
  return one.counter == other.counter && one.n == other.n && one.windows == other.windows && one.grain == other.grain &&
         one.binding == other.binding;
}

void append_head_format(Argument& to, const Count& count) {
  to.append("<I7B");
  for (const Window& window : count.windows) to.append(is_wide(window) ? "I7I7" : "HH");
  to.append(end_of_text);
}

Microseconds longest_of(const Windows& windows) {
  Microseconds longest{};
  for (const Window& window : windows) longest = std::max(longest, in_microseconds(window));
  return longest;
}

// A ring lives until nothing is left in its longest window, whenever in its newest slice it is written again.
void append_life(Argument& to, const Count& count) {
  const Microseconds longest = longest_of(count.windows);
  const Microseconds slices = longest + longest / static_cast<std::int64_t>(ring_slices);
  const auto life =
      is_distinct(count) ? longest.count() : std::chrono::ceil<std::chrono::milliseconds>(slices).count() + 1;
  to.append_decimal(static_cast<std::uint64_t>(life));
  to.append(end_of_text);
}

// The grain from which on it closes the others if it is over.
std::uint64_t closes_from(const Count& count) {
  return count.binding ? static_cast<std::uint64_t>(count.grain) : finer_than_any;
}

void append_gauge_ask(Argument& to, const Count& count, std::uint64_t node, bool last) {
  const auto stands = std::chrono::ceil<std::chrono::milliseconds>(count.windows.front().length);
  to.append_little_endian(std::min(count.n, gauge_most), 7);
  append_place(to, 0, last ? last_gauge : gauge_before_others);
  to.append_decimal(static_cast<std::uint64_t>(stands.count()));
  to.append(end_of_text);
  to.append(static_cast<double>(std::min(count.windows.front().limit, limit_most)));
  to.append_little_endian(closes_from(count), 1);
  to.append_little_endian(node);
}

// What is asked of one count, of the entity's `first_of` that are left. A look takes the way that all calls can take:
// the usual one need not know of it.
void append_ask(Argument& to, const Count& count, std::uint64_t seed, std::size_t first_of, bool look, bool alone) {
  to.append_little_endian(std::min(count.n, n_most), 7);
  if (alone && is_usual(count) && !look) {
    append_usual_limits(to, count);
  } else {
    append_place(to, first_of, no_gauge);
  }
  append_head_format(to, count);
  append_life(to, count);
  to.append_little_endian(Gate::unlimited(count) ? coarser_than_any : static_cast<std::uint64_t>(count.grain), 1);
  to.append_little_endian(closes_from(count), 1);
  to.append("<d");
  for (std::size_t i = 0; i < count.windows.size(); ++i) to.append("dd");
  to.append(end_of_text);
  for (const Window& window : count.windows) {
    to.append(static_cast<double>(in_microseconds(window).count()));
    to.append(static_cast<double>(std::min(window.limit, limit_most)));
  }
  to.append(0.0);
  if (is_distinct(count)) to.append_little_endian(member_hash(seed, count.member));
}

double in_microseconds(Instant time) {
  return static_cast<double>(std::chrono::floor<Microseconds>(time.time_since_epoch()).count());
}

// The text of an answer, from its front.
class AnswerText {
 public:
  explicit AnswerText(std::string_view text) : text_(text) {}

  // There must be so many bytes left, for each of these.
  std::uint64_t take_little_endian(std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t byte = size; byte-- > 0;) value = value << 8U | static_cast<unsigned char>(text_[byte]);
    text_.remove_prefix(size);
    return value;
  }
  void drop(std::size_t size) { text_.remove_prefix(size); }
  double take_double() { return std::bit_cast<double>(take_little_endian(sizeof(double))); }

 private:
  std::string_view text_;
};

std::size_t size_of_sum(const Window& window) {
  return is_wide(window) ? 7 : 2;
}

std::size_t size_of_head(const Count& count) {
  std::size_t size = size_of_ends;
  for (const Window& window : count.windows) size += 2 * size_of_sum(window);
  return size;
}

CountAnswer read_head(AnswerText text, const Count& count) {
  Judgement judgement;
  text.drop(size_of_ends);
  for (const Window& window : count.windows) {
    text.take_little_endian(size_of_sum(window));
    judgement.admitted(text.take_little_endian(size_of_sum(window)), window.limit);
  }
  CountAnswer answer = judgement.answer();
  answer.recorded = count.n > 0;
  return answer;
}

// Nothing: there is a number in it that cannot be.
std::optional<CountAnswer> read_windows(AnswerText text, const Count& count) {
  constexpr auto longest = static_cast<double>(std::chrono::floor<Microseconds>(Duration::max()).count());
  Judgement judgement;
  for (const Window& window : count.windows) {
    const double total = text.take_double();
    const double wait = text.take_double();
    if (!(total >= 0 && total <= static_cast<double>(limit_most)) || std::isnan(wait)) return std::nullopt;
    if (wait == 0) {
      judgement.admitted(static_cast<std::uint64_t>(total), window.limit);
    } else {
      const bool never = wait < 0 || wait >= longest;
      judgement.over(static_cast<std::uint64_t>(total), window.limit,
                     never ? Duration::max() : Microseconds(static_cast<std::int64_t>(wait)));
    }
  }
  CountAnswer answer = judgement.answer();
  answer.recorded = text.take_double() != 0;
  return answer;
}

std::optional<CountAnswer> read_sum(AnswerText text, const Count& count) {
  const double sum = text.take_double();
  if (!(sum >= 0 && sum <= static_cast<double>(limit_most))) return std::nullopt;
  auto answer = gauge_answer(count, static_cast<std::uint64_t>(sum));
  answer.recorded = true;
  return answer;
}

std::optional<CountAnswer> read_answer(std::string_view text, const Count& count) {
  if (count.gauge) return text.size() == sizeof(double) ? read_sum(AnswerText(text), count) : std::nullopt;
  if (!is_distinct(count) && text.size() == size_of_head(count)) return read_head(AnswerText(text), count);
  if (text.size() == sizeof(double) * (1 + 2 * count.windows.size())) return read_windows(AnswerText(text), count);
  return std::nullopt;
}

}  // namespace

void ScriptCall::add(const RedisNames& names, const RedisQuestion& question) {
  const auto& counts = question.batch->counts;
  look_ = question.batch->look;
  keys_ += question.places.size();
  const auto gauges = static_cast<std::size_t>(
      std::ranges::count_if(question.places, [&](std::uint32_t place) { return counts[place].gauge; }));
  const auto others = question.places.size() - gauges;
  auto first_of = others;
  for (const std::uint32_t place : question.places) {
    const Count& count = counts[place];
    const bool ring_alone = question.places.size() == 1 && !count.gauge && !is_distinct(count);
    const bool as_before = ring_alone && last_ != nullptr && asks_the_same(*last_, count);
    last_ = ring_alone ? &count : nullptr;

    Argument key;
    append_entity_of_key(key, names, count);
    const auto size_of_entity = key.text().size();
    if (as_before) {
      key.append(rest_of_last_key_);
    } else {
      append_rest_of_key(key, count);
      rest_of_last_key_ = key.text().substr(size_of_entity);
    }
    append_argument(names_, key.text());

    Argument ask;
    if (as_before) {
      // left empty
    } else if (count.gauge) {
      const bool last = others == 0 && place == question.places.back();
      append_gauge_ask(ask, count, member_hash(names.seed, names.node), last);
    } else {
      append_ask(ask, count, names.seed, std::exchange(first_of, 0), look_, others == 1);
    }
    append_argument(asks_, ask.text());
  }
}

void ScriptCall::append_to(std::string& to, const ScriptAs& script, std::optional<Instant> time) const {
  Argument number_of_keys;
  number_of_keys.append_decimal(keys_);
  Argument of_all;
  if (time || look_) {
    of_all.append(time ? in_microseconds(*time) : time_of_server);
    of_all.append_little_endian(look_ ? writes_nothing : 0, 1);
  }
  append_command_size(to, 4 + 2 * keys_);
  append_argument(to, script.command);
  append_argument(to, script.script);
  append_argument(to, number_of_keys.text());
  to += names_;
  append_argument(to, of_all.text());
  to += asks_;
}

void ScriptCall::clear() {
  names_.clear();
  asks_.clear();
  keys_ = 0;
  last_ = nullptr;
}

bool ScriptAnswer::take(const RedisQuestion& question, std::span<CountAnswer> answers) {
  for (const std::uint32_t place : question.places) {
    const RedisReply part = keys_ == 1 ? reply_ : reply_[taken_];
    ++taken_;
    if (part.kind() != RedisReply::Kind::text) return false;
    const auto answer = read_answer(part.text(), question.batch->counts[place]);
    if (!answer) return false;
    answers[place] = *answer;
  }
  return true;
}

}  // namespace mxwarden::store
