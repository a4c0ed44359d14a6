#include "maillog/once/line_counts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "base/escape.hpp"
#include "base/json_text.hpp"
#include "base/table.hpp"

namespace mxwarden::maillog {
namespace {

// In the order of Recognised::What.
struct What {
  std::string_view name;     // for programs
  std::string_view meaning;  // for people
};
constexpr std::array whats{What{"event", "tell an event"}, What{"known", "known, and mean nothing"},
                           What{"ours", "refusals of mxwardend"}, What{"unknown", "not recognised"},
                           What{"other_program", "of programs that are not looked at"}};

constexpr std::size_t longest_name = 64;
constexpr std::size_t shown_text = 160;

// For a table; the end of a character stays with its beginning.
std::string shortened(std::string_view text) {
  if (text.size() <= shown_text) return printable(text);
  auto end = shown_text;
  for (int back = 0; back < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++back) --end;
  return printable(text.substr(0, end)) + "...";
}

template <class Counted>
void sort_by_lines(std::vector<Counted>& counted) {
  std::ranges::sort(counted, [](const Counted& left, const Counted& right) {
    return std::pair(right.lines, std::string_view(left.name)) < std::pair(left.lines, std::string_view(right.name));
  });
}

template <class Counted>
std::string table_of(std::string_view title, const std::vector<Counted>& counted, bool colours) {
  const std::array columns{Column{"LINES", true}, Column{title}};
  std::vector<Cells> rows;
  for (const auto& one : counted) rows.push_back({with_commas(one.lines), printable(one.name)});
  return Table(columns, colours).page(rows) + (rows.empty() ? "" : "\n");
}

// Their names are ours.
template <class Counted>
std::string members_of(const std::vector<Counted>& counted) {
  JsonText members;
  for (const auto& one : counted) members.add_number(one.name, one.lines);
  return counted.empty() ? "{}" : std::move(members).end();
}

std::string array_of(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : values) text.append(text.empty() ? "" : ",").append(value);
  return "[" + text + "]";
}

}  // namespace

void LineCounts::add(std::uint64_t number, const LogLine& line, const Recognised& recognised, std::string&) {
  ++what_[static_cast<std::size_t>(recognised.what)];
  if (recognised.event) ++events_[static_cast<std::size_t>(recognised.event->kind)];
  if (!recognised.recogniser.empty()) count_recogniser(recognised.recogniser);
  if (recognised.what == Recognised::What::unknown) unknown_.add(number, line.program, line.text);
  if (recognised.what == Recognised::What::other_program) count_program(line.program);
}

// There are some dozen of them.
void LineCounts::count_recogniser(std::string_view name) {
  const auto found = std::ranges::find(recognisers_, name, &std::pair<std::string_view, std::uint64_t>::first);
  if (found != recognisers_.end()) {
    ++found->second;
  } else {
    recognisers_.emplace_back(name, 1);
  }
}

void LineCounts::count_program(std::string_view name) {
  name = name.substr(0, longest_name);
  programs_.count(std::string(name), static_cast<std::uint32_t>(std::hash<std::string_view>()(name)));
}

void LineCounts::finish(const Totals& totals, std::string& out, std::string&) {
  out += form_.json ? to_json(totals) + "\n" : to_text(totals);
}

std::vector<LineCounts::Counted> LineCounts::recognisers() const {
  std::vector<Counted> counted;
  for (const auto& [name, lines] : recognisers_) counted.push_back({std::string(name), lines});
  sort_by_lines(counted);
  return counted;
}

std::vector<LineCounts::Counted> LineCounts::events() const {
  std::vector<Counted> counted;
  for (std::size_t at = 0; at < events_.size(); ++at) {
    if (events_[at] > 0) counted.push_back({std::string(policy::event_names[at]), events_[at]});
  }
  sort_by_lines(counted);
  return counted;
}

std::vector<LineCounts::Counted> LineCounts::programs() const {
  std::vector<Counted> counted;
  for (const auto& entry : programs_.entries()) counted.push_back({entry.key, programs_.count_of(entry)});
  sort_by_lines(counted);
  if (counted.size() > shown_programs) counted.resize(shown_programs);
  return counted;
}

std::string LineCounts::to_json(const Totals& totals) const {
  JsonText text;
  text.add_number("lines", totals.lines);
  text.add_number("bytes", totals.bytes);
  text.add_number("too_long", totals.too_long);
  text.add_number("no_log_line", no_log_lines_);
  for (std::size_t at = 0; at < whats.size(); ++at) text.add_number(whats[at].name, what_[at]);
  text.add_json("recognisers", members_of(recognisers()));
  text.add_json("events", members_of(events()));
  std::vector<std::string> others;
  for (const auto& program : programs()) {
    JsonText other;
    other.add("program", program.name);
    other.add_number("lines", program.lines);
    others.push_back(std::move(other).end());
  }
  text.add_json("other_programs", array_of(others));
  std::vector<std::string> sample;
  for (const auto& sort : unknown_.pick(shown_unknown)) {
    JsonText one;
    one.add_number("line", sort.line);
    one.add_number("times", sort.times);
    one.add("program", sort.program);
    one.add("text", sort.text);
    sample.push_back(std::move(one).end());
  }
  text.add_json("sample", array_of(sample));
  return std::move(text).end();
}

std::string LineCounts::to_text(const Totals& totals) const {
  std::vector<Counted> what{{"all", totals.lines}};
  for (std::size_t at = 0; at < whats.size(); ++at) what.push_back({std::string(whats[at].meaning), what_[at]});
  what.push_back({"no lines of a log", no_log_lines_});
  what.push_back({"too long, passed over", totals.too_long});
  auto text = table_of("WHICH", what, form_.colours);
  text += table_of("EVENT", events(), form_.colours);
  text += table_of("RECOGNISED AS", recognisers(), form_.colours);
  text += table_of("PROGRAM THAT IS NOT LOOKED AT", programs(), form_.colours);
  constexpr std::array columns{Column{"FIRST LINE", true}, Column{"TIMES", true}, Column{"PROGRAM"},
                               Column{"NOT RECOGNISED, SOME"}};
  std::vector<Cells> rows;
  for (const auto& sort : unknown_.pick(shown_unknown)) {
    rows.push_back({with_commas(sort.line), with_commas(sort.times), printable(sort.program), shortened(sort.text)});
  }
  text += Table(columns, form_.colours).page(rows);
  if (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace mxwarden::maillog
