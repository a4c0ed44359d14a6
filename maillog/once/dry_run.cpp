#include "maillog/once/dry_run.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/escape.hpp"
#include "base/table.hpp"
#include "maillog/once/event_text.hpp"

namespace mxwarden::maillog {
namespace {

namespace json = boost::json;

std::string plural(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", with_commas(count), what, count == 1 ? "" : "s");
}

void append_part(std::string& line, std::string_view part) {
  line.append(line.empty() ? "" : ", ").append(part);
}

std::string json_line(const policy::MailEvent& event, const std::vector<std::string>& follows) {
  auto text = policy::to_json(event);
  if (!follows.empty()) {
    json::array lines;
    for (const auto& line : follows) lines.emplace_back(printable(line));
    text.add_json("follows", json::serialize(lines));
  }
  return std::move(text).end() + "\n";
}

// The rules that would act on a log and are off here: who looks for what a log would lead to should know.
std::string turned_off(const conf::Settings& settings) {
  std::string off;
  if (settings.relay_grant.mode == conf::Mode::off) append_part(off, "relay_grant.mode = off");
  if (settings.listing.mode == conf::Mode::off) append_part(off, "listing.mode = off");
  if (settings.bad_recipient.mode == conf::Mode::off) {
    append_part(off, "bad_recipient.mode = off");
  } else if (settings.bad_recipient.source != conf::BadRecipientSource::log) {
    append_part(off, "bad_recipient.source = inline");
  }
  return off;
}

}  // namespace

std::string event_report(const policy::MailEvent& event, const std::vector<std::string>& follows, DryRun::Form form) {
  if (form.json) return json_line(event, follows);
  auto text = event_text(event, form.colours) + "\n";
  for (const auto& line : follows) text += "    " + coloured("-> " + printable(line), bold, form.colours) + "\n";
  return text;
}

DryRun::DryRun(const conf::Configuration& configuration, Form form)
    : simulation_(configuration), form_(form), off_(turned_off(configuration.settings)) {}

void DryRun::add(std::uint64_t, const LogLine&, const Recognised& recognised, std::string& out) {
  if (recognised.what == Recognised::What::unknown) ++unknown_;
  if (!recognised.event) return;
  ++events_[static_cast<std::size_t>(recognised.event->kind)];
  out += event_report(*recognised.event, simulation_.take(*recognised.event), form_);
}

void DryRun::finish(const Totals& totals, std::string&, std::string& remark) {
  if (!form_.json) remark += summary(totals);
}

std::string DryRun::summary(const Totals& totals) const {
  std::string events;
  for (std::size_t at = 0; at < events_.size(); ++at) {
    if (events_[at] > 0) append_part(events, fmt::format("{} {}", policy::event_names[at], with_commas(events_[at])));
  }
  std::string follows;
  for (const auto kind : {store::RecordKind::grant, store::RecordKind::listing, store::RecordKind::ban}) {
    const auto& made = simulation_.made(kind);
    if (made.fresh + made.renewed == 0) continue;
    append_part(follows, plural(made.fresh, to_string(kind)));
    // A listing is written at each hit, which would tell nothing.
    if (kind == store::RecordKind::grant && made.renewed > 0)
      follows += fmt::format(" (renewed {})", plural(made.renewed, "time"));
  }
  auto text = fmt::format("lines         {}; {} not recognised", with_commas(totals.lines), with_commas(unknown_));
  if (no_log_lines_ > 0) text += fmt::format(", {} no log lines", with_commas(no_log_lines_));
  if (totals.too_long > 0) text += fmt::format(", {} too long", with_commas(totals.too_long));
  text += fmt::format("\nevents        {}\n", events.empty() ? "none" : events);
  text += fmt::format("would follow  {}\n", follows.empty() ? "nothing" : follows);
  if (!off_.empty()) text += fmt::format("turned off    {}\n", off_);
  return text;
}

}  // namespace mxwarden::maillog
