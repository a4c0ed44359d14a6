#include "maillog/once/read_once.hpp"

#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <utility>

#include "base/clock.hpp"
#include "maillog/once/dry_run.hpp"
#include "maillog/once/line_counts.hpp"
#include "maillog/once/log_input.hpp"
#include "maillog/once/progress.hpp"
#include "maillog/source/line_splitter.hpp"

namespace mxwarden::maillog {
namespace {

constexpr std::string_view program = "mxwarden-maillog: ";
constexpr std::size_t usual_columns = 80;

bool is_terminal(int descriptor) {
  const auto* const terminal = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

// https://no-color.org
bool wants_colours() {
  const auto* const no_color = std::getenv("NO_COLOR");
  return is_terminal(STDOUT_FILENO) && (no_color == nullptr || *no_color == '\0');
}

std::size_t columns_of_terminal() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual_columns;
}

std::unique_ptr<LineReport> report_of(const conf::Started& started) {
  const bool json = started.has("json");
  if (started.has("stats")) return std::make_unique<LineCounts>(LineCounts::Form{json, wants_colours()});
  return std::make_unique<DryRun>(started.configuration, DryRun::Form{json, wants_colours()});
}

// One log, from its first line to the last.
class Reading {
 public:
  Reading(LogInput& input, LineReport& report, const conf::Settings::Maillog& settings, std::ostream& out,
          std::ostream& err)
      : input_(input),
        report_(report),
        out_(out),
        err_(err),
        recogniser_(settings),
        progress_(clock_.now(), input.size(), columns_of_terminal()) {}

  int run() {
    for (bool more = true; more;) {
      const auto block = input_.read();
      if (!block) return failed(block.error().message);
      if (const auto decompressor = compressed_with(*block); !decompressor.empty()) {
        return failed("it is compressed; use `" + std::string(decompressor) +
                      " FILE | mxwarden-maillog --dry-run -' (or --stats)");
      }
      more = !block->empty();
      take_lines(*block);
      // What the lines of a pipe tell is to be seen while the next are waited for.
      if (!write_out()) return cannot_write();
      if (shows_progress_) progress_.show(err_, {splitter_.fed(), lines_}, clock_.now());
    }
    return finish();
  }

 private:
  std::string_view compressed_with(std::string_view block) const {
    return splitter_.fed() == 0 ? decompressor_of(block) : "";
  }

  // An empty block: that was all.
  void take_lines(std::string_view block) {
    // Once a block: a time without a year is of the year that is nearest, which is no matter of seconds.
    const auto now = clock_.wall_now();
    const auto read_at = std::min(input_.written_at().value_or(now), now);
    const auto take = [&](std::optional<std::string_view> text, std::uint64_t end) {
      ++lines_;
      const auto begin = std::exchange(lines_end_, end);
      if (text) take_line(*text, begin, read_at);
    };
    block.empty() ? splitter_.end(take) : splitter_.feed(block, take);
  }

  void take_line(std::string_view text, std::uint64_t begin, WallTime read_at) {
    if (const auto line = parser_.parse(text, read_at)) {
      report_.add(lines_, *line, recogniser_.see(*line, begin), output_);
    } else {
      report_.add_no_log_line();
    }
  }

  int finish() {
    std::string remark;
    report_.finish({.lines = lines_, .bytes = splitter_.fed(), .too_long = splitter_.too_long()}, output_, remark);
    if (!write_out()) return cannot_write();
    progress_.take_away(err_);
    err_ << remark;
    return EX_OK;
  }

  bool write_out() {
    if (output_.empty()) return true;
    progress_.take_away(err_);
    out_.write(output_.data(), static_cast<std::streamsize>(output_.size())).flush();
    output_.clear();
    return out_.good();
  }

  // Who has read enough is no fault. SIGPIPE ends us quietly by itself, unless we were started with it ignored.
  int cannot_write() {
    const bool is_closed_pipe = errno == EPIPE;
    progress_.take_away(err_);
    if (!is_closed_pipe) err_ << program << "the output could not be written\n";
    return EX_IOERR;
  }

  int failed(std::string_view why) {
    progress_.take_away(err_);
    err_ << program << input_.name() << ": " << why << "\n";
    return EX_NOINPUT;
  }

  const SystemClock clock_;
  LogInput& input_;
  LineReport& report_;
  std::ostream& out_;
  std::ostream& err_;
  LineSplitter splitter_;
  std::uint64_t lines_ = 0;
  std::uint64_t lines_end_ = 0;  // of those, in bytes
  LineParser parser_;
  Recogniser recogniser_;
  Progress progress_;
  const bool shows_progress_ = is_terminal(STDERR_FILENO);
  std::string output_;
};

}  // namespace

int read_once(const conf::Started& started, std::ostream& out, std::ostream& err) {
  if (started.has("dry-run") && started.has("stats")) {
    err << program << "--dry-run and --stats are two questions: ask one\n";
    return EX_USAGE;
  }
  const auto path = path_of_log(started);
  if (!path) {
    err << program << path.error().message << "\n";
    return EX_USAGE;
  }
  // What the rules say to a daemon's log is part of what follows; what they warn of is about a daemon.
  if (const auto quiet = log::start("mxwarden-maillog", "stderr", log::Level::error); !quiet) {
    err << program << quiet.error().message << "\n";
    return EX_OSERR;
  }
  auto input = LogInput::open(*path);
  if (!input) {
    err << program << input.error().message << "\n";
    return EX_NOINPUT;
  }
  // Settings and access entries do not matter to what a line is.
  if (started.has("dry-run")) conf::print_report(started.report, err);
  const auto report = report_of(started);
  return Reading(*input, *report, started.configuration.settings.maillog, out, err).run();
}

}  // namespace mxwarden::maillog
