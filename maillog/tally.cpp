#include "maillog/tally.hpp"

#include <fmt/format.h>

#include <utility>

namespace mxwarden::maillog {

bool Tally::see(const Recognised* recognised) {
  using What = Recognised::What;
  ++lines_;
  if (recognised == nullptr) {
    ++no_log_;
  } else if (recognised->event) {
    ++events_[static_cast<std::size_t>(recognised->event->kind)];
  } else if (recognised->what == What::unknown) {
    ++unknown_;
  }
  const auto is_other = recognised != nullptr && recognised->what == What::other_program;
  if (recognised != nullptr && !is_other && recognised->what != What::unknown) {
    any_recognised_ = true;
    unrecognised_ = 0;
    return false;
  }
  if (is_other && any_recognised_) return false;
  ++unrecognised_;
  return unrecognised_ == suspicious;
}

std::string Tally::take() {
  auto text = fmt::format("lines={} unknown={} no_log={}", std::exchange(lines_, 0), std::exchange(unknown_, 0),
                          std::exchange(no_log_, 0));
  for (std::size_t kind = 0; kind < events_.size(); ++kind) {
    const auto count = std::exchange(events_[kind], 0);
    if (count > 0) text += fmt::format(" {}={}", policy::event_names[kind], count);
  }
  return text;
}

}  // namespace mxwarden::maillog
