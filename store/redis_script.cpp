#include "store/redis_script.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/container/small_vector.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/duration.hpp"
#include "store/judgement.hpp"
#include "store/key.hpp"
#include "store/ring.hpp"
#include "store/ring_body.hpp"

namespace mxwarden::store {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr double time_of_server = -1;
constexpr std::uint64_t coarser_than_any = 0xFF;  // -1: a byte with a sign
constexpr std::uint64_t finer_than_any = 0x7F;
constexpr std::string_view end_of_text{"\0", 1};
constexpr std::string_view mark_of_look = "look";
constexpr std::size_t usual_windows = 3;
constexpr std::size_t size_of_ends = 8;  // when slices end, at the head of a value

// The script reckons in doubles. So much may be asked for that it and all a ring can hold are below 2^53.
constexpr std::uint64_t n_most = std::uint64_t{1} << 52U;
constexpr std::uint64_t limit_most = (std::uint64_t{1} << 53U) - 1;
constexpr std::uint64_t gauge_most = std::numeric_limits<std::uint32_t>::max();

// Arguments one after the other, without memory of their own for each.
class Arguments {
 public:
  void add(std::string_view argument) {
    append(argument);
    end();
  }
  // What is appended until end() is one argument.
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
  void end() { ends_.push_back(text_.size()); }

  void append_command_to(std::string& to) const {
    boost::container::small_vector<std::string_view, 16> views;
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      views.emplace_back(text_.data() + begin, end - begin);
      begin = end;
    }
    append_command(to, std::span<const std::string_view>(views.data(), views.size()));
  }

 private:
  boost::container::small_vector<char, 1024> text_;
  boost::container::small_vector<std::size_t, 16> ends_;
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

void append_entity(Arguments& to, std::string_view entity) {
  for (std::size_t plain = 0; (plain = entity.find_first_of("}%")) != std::string_view::npos;) {
    to.append(entity.substr(0, plain));
    to.append(entity[plain] == '%' ? "%25" : "%7D");
    entity.remove_prefix(plain + 1);
  }
  to.append(entity);
}

void append_length(Arguments& to, Microseconds length) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(length);
  if (whole == length) return to.append(to_string(whole));
  to.append_decimal(static_cast<std::uint64_t>(length.count()));
  to.append("us");
}

void add_key(Arguments& to, const RedisNames& names, const Count& count) {
  to.append(names.prefix);
  to.append(":3{");
  append_entity(to, count.entity);
  to.append("}");
  to.append(count.counter);
  std::string_view separator = is_distinct(count) ? "#" : "/";
  for (const Window& window : count.windows) {
    to.append(separator);
    append_length(to, in_microseconds(window));
    if (!is_distinct(count) && !count.gauge && is_wide(window)) to.append("w");
    separator = ",";
  }
  if (count.gauge) to.append("@");
  to.end();
}

// Whether it has the form of the script's usual call.
bool is_usual(const Count& count) {
  return !is_distinct(count) && count.windows.size() <= usual_windows &&
         std::none_of(count.windows.begin(), count.windows.end(), is_wide);
}

void append_usual_limits(Arguments& to, const Count& count, bool usual) {
  for (std::size_t i = 0; i < usual_windows; ++i) {
    const bool has_limit = i < count.windows.size();
    to.append_little_endian(!usual ? 0 : has_limit ? count.windows[i].limit : narrow_limit_most, 2);
  }
}

void append_head_format(Arguments& to, const Count& count) {
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
void append_life(Arguments& to, const Count& count) {
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

void add_gauge_ask(Arguments& to, const Count& count, double time, std::uint64_t node) {
  const auto stands = std::chrono::ceil<std::chrono::milliseconds>(count.windows.front().length);
  to.append(time);
  to.append_little_endian(std::min(count.n, gauge_most), 7);
  to.append_little_endian(0, 6);
  to.append_decimal(static_cast<std::uint64_t>(stands.count()));
  to.append(end_of_text);
  to.append(static_cast<double>(std::min(count.windows.front().limit, limit_most)));
  to.append_little_endian(closes_from(count), 1);
  to.append_little_endian(node);
  to.end();
}

// What is asked of one count. `member`: the place of its hash among the arguments; 0: it has none. A look takes the way
// that all calls can take: the usual one need not know of it.
void add_ask(Arguments& to, const Count& count, double time, std::size_t member, bool look) {
  const auto grain = static_cast<std::uint64_t>(count.grain);
  to.append(time);
  to.append_little_endian(std::min(count.n, n_most), 7);
  append_usual_limits(to, count, is_usual(count) && !look);
  append_head_format(to, count);
  append_life(to, count);
  to.append_little_endian(Gate::unlimited(count) ? coarser_than_any : grain, 1);
  to.append_little_endian(closes_from(count), 1);
  to.append("<d");
  for (std::size_t i = 0; i < count.windows.size(); ++i) to.append("dd");
  to.append(end_of_text);
  for (const Window& window : count.windows) {
    to.append(static_cast<double>(in_microseconds(window).count()));
    to.append(static_cast<double>(std::min(window.limit, limit_most)));
  }
  to.append(static_cast<double>(member));
  to.end();
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

void append_script_call(std::string& to, const ScriptAs& script, const RedisNames& names, const Batch& batch,
                        RedisCall call, std::optional<Instant> time) {
  Arguments arguments;
  arguments.add(script.command);
  arguments.add(script.script);
  arguments.append_decimal(call.size());
  arguments.end();
  for (const std::uint32_t place : call) add_key(arguments, names, batch.counts[place]);
  const double now = time ? in_microseconds(*time) : time_of_server;
  const auto node = member_hash(names.seed, names.node);
  std::size_t last = call.size();
  for (const std::uint32_t place : call) {
    const Count& count = batch.counts[place];
    if (count.gauge) {
      add_gauge_ask(arguments, count, now, node);
    } else {
      add_ask(arguments, count, now, is_distinct(count) ? ++last : 0, batch.look);
    }
  }
  for (const std::uint32_t place : call) {
    if (!is_distinct(batch.counts[place])) continue;
    arguments.append_little_endian(member_hash(names.seed, batch.counts[place].member));
    arguments.end();
  }
  if (batch.look) arguments.add(mark_of_look);
  arguments.append_command_to(to);
}

bool read_script_reply(const RedisReply& reply, const Batch& batch, RedisCall call, std::span<CountAnswer> answers) {
  const bool alone = call.size() == 1;
  if (!alone && reply.size() != call.size()) return false;
  for (std::size_t i = 0; i < call.size(); ++i) {
    const RedisReply part = alone ? reply : reply[i];
    if (part.kind() != RedisReply::Kind::text) return false;
    const auto answer = read_answer(part.text(), batch.counts[call[i]]);
    if (!answer) return false;
    answers[call[i]] = *answer;
  }
  return true;
}

}  // namespace mxwarden::store
