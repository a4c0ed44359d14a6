// mxwarden: the operator's command. Exit status: cli/program.hpp; 70 a fault of ours, 74 the output went nowhere.

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <vector>

#include "cli/program.hpp"

namespace {

using namespace mxwarden;

// https://no-color.org
bool wants_colours() {
  const auto* no_color = std::getenv("NO_COLOR");
  const auto* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

// What is opened must not take the place of one of these: it would be written to.
void open_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1 && ::open("/dev/null", O_RDWR) != fd) std::_Exit(EX_OSERR);
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  try {
    std::ios::sync_with_stdio(false);
    const std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const SystemClock clock;
    const auto status = cli::run(
        words, clock, {std::cout, std::cerr, wants_colours(), ::isatty(STDIN_FILENO) == 1 ? nullptr : &std::cin});
    std::cout.flush();
    if (std::cout) return status;
    std::cerr << "mxwarden: the output could not be written\n";
    return EX_IOERR;
  } catch (const std::exception& exception) {
    std::cerr << "mxwarden: " << exception.what() << "\n";
    return EX_SOFTWARE;
  }
}
