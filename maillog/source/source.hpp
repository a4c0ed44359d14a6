#pragma once
// Where log lines come from, and who takes them.
//
// Each line has a position: it only grows, and is the same whenever the same line is read again. What was acknowledged
// is never read again, not even by the next process, if the source keeps a bookmark.
//
// A source reads nothing while its lines' taker is full, so that little is in memory however much there is to read; it
// goes on when it is told to. Threads: one, that of the io_context. The taker must outlive its source.

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "maillog/recognise/log_line.hpp"
#include "maillog/source/bookmark.hpp"

namespace mxwarden::maillog {

class LineTaker {
 public:
  virtual ~LineTaker() = default;

  // `line` is lent for the call. Null: it is no line of a log, or longer than a line may be.
  virtual void take(const LogLine* line, std::uint64_t position) = 0;
  // One that was taken before this process was, as far as it is known what was before: for memory alone.
  virtual void remember(const LogLine& line) = 0;
  // As many as came at once were taken.
  virtual void taken() = 0;
  // Nothing more is to be read for now.
  virtual bool full() const = 0;
  // The bookmark must be on disk before the next line is taken.
  virtual void keep_bookmark() = 0;
  // There will be no more lines.
  virtual void ended() = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  // The error says what cannot be read, why, and a remedy. Lines come from the io_context alone, never before this
  // returns; lines to be remembered come within.
  virtual Result<void> start() = 0;
  // The taker is not full any more.
  virtual void go_on() = 0;
  // All lines up to this one are done with.
  virtual void acknowledge(std::uint64_t position) = 0;
  // Where to go on after a restart, given what was acknowledged. Nothing: this source cannot be read again.
  virtual std::optional<Bookmark> bookmark() const { return std::nullopt; }
  // No line comes any more, and nothing is left for the io_context to do.
  virtual void stop() = 0;
};

}  // namespace mxwarden::maillog
