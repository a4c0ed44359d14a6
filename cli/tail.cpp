#include "cli/tail.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <optional>
#include <ostream>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "base/table.hpp"
#include "cli/members.hpp"
#include "cli/report.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

// A cell that is wider pushes the rest of its line and no other. An IPv6 address has 39.
constexpr std::size_t widest_column = 40;
// Beyond the ten years that are allowed anywhere; keeps what follows from overflowing.
constexpr std::int64_t longest_ms = milliseconds(std::chrono::hours(24) * 36500).count();

std::optional<Duration> duration_of(const json::object& object, std::string_view name) {
  if (!object.contains(name)) return std::nullopt;
  return milliseconds(std::clamp<std::int64_t>(number_of(object, name), 0, longest_ms));
}

// `421`, `REJECT`: the word an answer begins with.
std::string word_of(const std::string& action) {
  return action.substr(0, action.find(' '));
}

// `61/60 60s`, `21/20`, `101/100 message`; of a record how long it lasts.
std::string figures_of(const json::object& decision) {
  if (!decision.contains("count") || !decision.contains("limit")) {
    const auto left = duration_of(decision, "left_ms");
    return left ? time_left(*left) + " left" : std::string();
  }
  auto text = fmt::format("{}/{}", number_of(decision, "count"), number_of(decision, "limit"));
  if (const auto window = duration_of(decision, "window_ms")) {
    text += " " + (*window == Duration::zero() ? "message" : to_string(*window));
  }
  return text;
}

std::string mail_of(const json::object& decision) {
  auto text = text_of(decision, "sender");
  const auto recipient = text_of(decision, "recipient");
  if (recipient.empty()) return text;
  return (text.empty() ? "<>" : text) + " -> " + recipient;
}

// What has no column of its own.
std::string notes_of(const json::object& decision) {
  auto text = mail_of(decision);
  for (const auto* name : {"login", "grant", "list", "by", "reason"}) {
    const auto value = text_of(decision, name);
    if (!value.empty()) text += fmt::format("{}{}={}", text.empty() ? "" : "  ", name, value);
  }
  return text;
}

bool is_refused(std::string_view word) {
  return word != "DUNNO" && word != "OK" && word != "HOLD";
}

// Each line has been flushed by then.
void end_well(int) {
  ::_exit(0);
}

std::string lost_text(std::int64_t lost) {
  return fmt::format("mxwarden: {} are missing here: they came faster than they were read\n",
                     lost == 1 ? "a decision" : fmt::format("{} decisions", lost));
}

}  // namespace

std::string DecisionLines::line(const json::object& decision) {
  const auto word = word_of(text_of(decision, "action"));
  const bool would = decision.contains("would");
  const auto answer = would ? "would " + word_of(text_of(decision, "would")) : word;
  const auto colour = would ? yellow : is_refused(word) ? red : std::string_view();
  auto text = local_time(number_of(decision, "time")) + "  ";
  text += coloured(answer, colour, colours_ && !colour.empty());
  text += padding(answer, 0);
  std::size_t column = 0;
  for (const auto& cell :
       {text_of(decision, "rule"), text_of(decision, "client"), text_of(decision, "state"), figures_of(decision)}) {
    text += cell + padding(cell, ++column);
  }
  text += notes_of(decision);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

// Behind a cell, up to the next column.
std::string DecisionLines::padding(std::string_view text, std::size_t column) {
  auto& width = widths_[column];
  const auto size = width_of(text);
  width = std::max(width, std::min(size, widest_column));
  return std::string(width > size ? width - size : 0, ' ') + "  ";
}

int follow_decisions(ControlClient& client, bool as_json, const Terminal& terminal) {
  std::signal(SIGINT, end_well);
  std::signal(SIGPIPE, end_well);
  DecisionLines lines(terminal.colours);
  while (terminal.out && client.await_line(STDOUT_FILENO)) {
    const auto line = client.receive();
    if (!line) {
      terminal.err << "mxwarden: " << line.error().message << "\n";
      return exit_unavailable;
    }
    if (as_json) {
      terminal.out << *line << "\n" << std::flush;
      continue;
    }
    json::error_code error;
    const auto value = json::parse(*line, error);
    const auto* object = error ? nullptr : value.if_object();
    // What a later release may say besides is passed over.
    if (object == nullptr) continue;
    if (object->contains("lost")) terminal.err << lost_text(number_of(*object, "lost"));
    if (object->contains("action")) terminal.out << lines.line(*object) << std::flush;
  }
  return 0;
}

}  // namespace mxwarden::cli
