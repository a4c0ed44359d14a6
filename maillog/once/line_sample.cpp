#include "maillog/once/line_sample.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "base/ascii.hpp"

namespace mxwarden::maillog {
namespace {

using Sort = LineSample::Sort;
using Sorts = std::vector<const Sort*>;

// What tells one sort from another stands at the beginning of a line.
constexpr std::size_t longest_key = 200;
constexpr std::size_t longest_program = 64;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_folded(std::string& key, std::string_view text) {
  while (!text.empty() && key.size() < longest_key) {
    const auto word = text.substr(0, text.find(' '));
    key += std::ranges::any_of(word, is_digit) ? std::string_view("0") : word.substr(0, longest_key);
    key += ' ';
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
}

bool is_more_frequent(const Sort* left, const Sort* right) {
  return std::pair(right->times, left->line) < std::pair(left->times, right->line);
}

bool is_earlier(const Sort* left, const Sort* right) {
  return left->line < right->line;
}

// Of one program's sorts, so many.
Sorts spread(Sorts sorts, std::size_t most) {
  if (sorts.size() <= most) return sorts;
  std::ranges::sort(sorts, is_more_frequent);
  const auto frequent = (most + 1) / 2;
  const auto others = most - frequent;
  Sorts picked(sorts.begin(), sorts.begin() + static_cast<std::ptrdiff_t>(frequent));
  sorts.erase(sorts.begin(), sorts.begin() + static_cast<std::ptrdiff_t>(frequent));
  std::ranges::sort(sorts, is_earlier);
  for (std::size_t at = 0; at < others; ++at) picked.push_back(sorts[(2 * at + 1) * sorts.size() / (2 * others)]);
  return picked;
}

}  // namespace

void LineSample::add(std::uint64_t line, std::string_view program, std::string_view text) {
  program = program.substr(0, longest_program);
  key_.assign(program).append(": ");
  append_folded(key_, text);
  const auto [place, is_new] = sorts_.try_emplace(key_);
  auto& sort = place->second;
  ++sort.times;
  if (!is_new) return;
  sort.line = line;
  sort.program = program;
  sort.text = text.substr(0, longest_text);
  if (sorts_.size() > most_sorts) thin_out();
}

void LineSample::thin_out() {
  std::vector<std::pair<const Sort*, const std::string*>> all;
  for (const auto& [key, sort] : sorts_) all.emplace_back(&sort, &key);
  std::ranges::sort(all, [](const auto& left, const auto& right) { return is_more_frequent(left.first, right.first); });
  all.erase(all.begin(), all.begin() + most_frequent);
  std::ranges::sort(all, [](const auto& left, const auto& right) { return is_earlier(left.first, right.first); });
  for (std::size_t at = 1; at < all.size(); at += 2) sorts_.erase(*all[at].second);
}

std::vector<Sort> LineSample::pick(std::size_t most) const {
  std::map<std::string_view, Sorts> programs;
  for (const auto& [key, sort] : sorts_) programs[sort.program].push_back(&sort);
  std::map<std::string_view, std::size_t> turns;
  for (bool more = true; more && most > 0;) {
    more = false;
    for (const auto& [program, sorts] : programs) {
      if (most == 0 || turns[program] == sorts.size()) continue;
      ++turns[program];
      --most;
      more = true;
    }
  }
  Sorts picked;
  for (auto& [program, sorts] : programs) {
    const auto some = spread(std::move(sorts), turns[program]);
    picked.insert(picked.end(), some.begin(), some.end());
  }
  std::ranges::sort(picked, is_earlier);
  std::vector<Sort> sample;
  for (const auto* sort : picked) sample.push_back(*sort);
  return sample;
}

}  // namespace mxwarden::maillog
