#include "firewall/report.hpp"

#include <fmt/format.h>

#include <chrono>

#include "base/json_text.hpp"
#include "conf/value.hpp"

namespace mxwarden::firewall {
namespace {

constexpr std::size_t longest_trouble = 300;  // mxwardend takes 500 bytes

std::int64_t milliseconds(Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

}  // namespace

std::string report_text(const Synchroniser::Figures& figures, conf::Mode mode, Instant now) {
  JsonText text;
  text.add("op", "firewall.report");
  text.add("mode", conf::to_string(mode));
  text.add_json("healthy", figures.trouble.empty() ? "true" : "false");
  text.add("trouble", std::string_view(figures.trouble).substr(0, longest_trouble));
  for (const auto set : all_sets) text.add_number(to_string(set), figures.elements[static_cast<std::size_t>(set)]);
  text.add_number("waiting", figures.waiting);
  text.add_number("too_short", figures.bans.too_short);
  text.add_number("guarded", figures.bans.guarded);
  text.add_number("gave_way", figures.bans.gave_way);
  text.add_number("rebuilds", figures.rebuilds);
  text.add_number("refused_batches", figures.refused_batches);
  text.add_number("refused_elements", figures.refused_elements);
  text.add_number("dropped", figures.dropped);
  if (figures.lag) text.add_number("lag_ms", milliseconds(*figures.lag));
  if (figures.checked) text.add_number("checked_ms", milliseconds(now - *figures.checked));
  return std::move(text).end();
}

std::string summary(const Synchroniser::Figures& figures) {
  const auto count = [&](Set set) { return figures.elements[static_cast<std::size_t>(set)]; };
  return fmt::format(
      "ban4={} ban6={} net4={} net6={} waiting={} guarded={} dropped={} rebuilds={} refused_batches={} "
      "refused_elements={}",
      count(Set::ban4), count(Set::ban6), count(Set::net4), count(Set::net6), figures.waiting, figures.bans.guarded,
      figures.dropped, figures.rebuilds, figures.refused_batches, figures.refused_elements);
}

}  // namespace mxwarden::firewall
