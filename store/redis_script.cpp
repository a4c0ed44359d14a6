#include "store/redis_script.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/container/small_vector.hpp>
#include <charconv>
#include <limits>

#include "base/duration.hpp"
#include "store/key.hpp"
#include "store/ring_body.hpp"

namespace mxwarden::store {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr double time_of_server = -1;
constexpr std::size_t integers_of_answer = 5;

// The script reckons in doubles. So much may be asked for that it and all a ring can hold are below 2^53.
constexpr std::uint64_t n_most = std::uint64_t{1} << 52U;
constexpr std::uint64_t limit_most = (std::uint64_t{1} << 53U) - 1;

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
  void append_little_endian(std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte, value >>= 8U) text_.push_back(static_cast<char>(value));
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
  to.append(":1{");
  append_entity(to, count.entity);
  to.append("}");
  to.append(count.counter);
  std::string_view separator = is_distinct(count) ? "#" : "/";
  for (const Window& window : count.windows) {
    to.append(separator);
    append_length(to, in_microseconds(window));
    if (!is_distinct(count) && is_wide(window)) to.append("w");
    separator = ",";
  }
  to.end();
}

// The script's first argument, but for the time. Members are told to follow from the second on.
void append_numbers(Arguments& to, const Batch& batch, RedisCall call) {
  int members = 0;
  for (const std::uint32_t place : call) {
    const Count& count = batch.counts[place];
    to.append(static_cast<double>(std::min(count.n, n_most)));
    to.append(static_cast<double>(count.grain));
    to.append(count.binding ? 1.0 : 0.0);
    to.append(is_distinct(count) ? static_cast<double>(++members + 1) : 0.0);
    to.append(static_cast<double>(count.windows.size()));
    for (const Window& window : count.windows) {
      to.append(static_cast<double>(in_microseconds(window).count()));
      to.append(static_cast<double>(std::min(window.limit, limit_most)));
    }
  }
}

double in_microseconds(Instant time) {
  return static_cast<double>(std::chrono::floor<Microseconds>(time.time_since_epoch()).count());
}

std::optional<CountAnswer> read_answer(const RedisReply& reply, std::size_t first) {
  std::array<std::int64_t, integers_of_answer> integers;
  for (std::size_t i = 0; i < integers.size(); ++i) {
    if (reply[first + i].kind() != RedisReply::Kind::integer) return std::nullopt;
    integers[i] = reply[first + i].integer();
  }
  const auto [count, window, over, recorded, wait] = integers;
  if (count < 0 || window < 0 || window > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  constexpr std::int64_t longest = std::chrono::floor<Microseconds>(Duration::max()).count();
  CountAnswer answer;
  answer.count = static_cast<std::uint64_t>(count);
  answer.window = static_cast<std::uint32_t>(window);
  answer.over = over != 0;
  answer.recorded = recorded != 0;
  answer.retry_after = wait < 0 || wait > longest ? Duration::max() : Microseconds(wait);
  return answer;
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
  arguments.append(time ? in_microseconds(*time) : time_of_server);
  append_numbers(arguments, batch, call);
  arguments.end();
  for (const std::uint32_t place : call) {
    if (!is_distinct(batch.counts[place])) continue;
    arguments.append_little_endian(member_hash(names.seed, batch.counts[place].member));
    arguments.end();
  }
  arguments.append_command_to(to);
}

bool read_script_reply(const RedisReply& reply, RedisCall call, std::span<CountAnswer> answers) {
  if (reply.size() != call.size() * integers_of_answer) return false;
  for (std::size_t i = 0; i < call.size(); ++i) {
    const auto answer = read_answer(reply, i * integers_of_answer);
    if (!answer) return false;
    answers[call[i]] = *answer;
  }
  return true;
}

}  // namespace mxwarden::store
