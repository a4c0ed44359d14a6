#pragma once
// A few of the lines that no scanner knows, out of any number: not the same sort twice, spread over the programs and
// over the log, and always the same ones of the same log.
//
// Lines are of one sort if they are of one program and differ only in words that hold a digit: queue ids, addresses,
// ports, times.
//
// Bounded: most_sorts are remembered. When there are more, the most_frequent ones stay, and every second of the others,
// in the order of the log.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mxwarden::maillog {

class LineSample {
 public:
  static constexpr std::size_t most_sorts = 1024;
  static constexpr std::size_t most_frequent = 256;
  static constexpr std::size_t longest_text = 400;  // that is kept of a line, in bytes

  struct Sort {
    std::uint64_t line = 0;   // number of the first
    std::uint64_t times = 0;  // that it came, since it is remembered
    std::string program;
    std::string text;  // of the first
  };

  void add(std::uint64_t line, std::string_view program, std::string_view text);

  // `most` at most, in the order of the log. Programs take turns. Of one with more sorts than its turns the more
  // frequent half of them is the most frequent sorts, and the rest are spread over the log.
  std::vector<Sort> pick(std::size_t most) const;

 private:
  void thin_out();

  std::unordered_map<std::string, Sort> sorts_;  // by program and text without the words that differ
  std::string key_;                              // memory for the next
};

}  // namespace mxwarden::maillog
