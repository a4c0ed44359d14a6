#include "firewall/dry_run.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sysexits.h>

#include <ostream>

#include "base/own_addresses.hpp"
#include "firewall/ban_list.hpp"
#include "firewall/contents.hpp"
#include "firewall/control_socket.hpp"
#include "firewall/layout.hpp"
#include "firewall/told.hpp"

namespace mxwarden::firewall {
namespace {

constexpr std::chrono::milliseconds patience = std::chrono::seconds(10);

// Until a snapshot has ended.
class OneSnapshot {
 public:
  OneSnapshot(BanList& bans, const Clock& clock) : bans_(bans), clock_(clock) {}

  Result<void> take(std::string_view line) {
    const auto told = parse_told(line);
    if (!told) return told.error();
    if (const auto* begins = std::get_if<told::SnapshotBegins>(&*told)) bans_.snapshot_begins(begins->epoch);
    if (const auto* in_it = std::get_if<told::InSnapshot>(&*told)) bans_.in_snapshot(in_it->ban, clock_.now());
    if (std::holds_alternative<told::SnapshotEnds>(*told)) bans_.snapshot_ends(clock_.now());
    return {};
  }

 private:
  BanList& bans_;
  const Clock& clock_;
};

Result<void> read_snapshot(const std::string& path, BanList& bans, const Clock& clock) {
  auto control = ControlSocket::open(path, follow_request);
  if (!control) return control.error();
  OneSnapshot snapshot(bans, clock);
  pollfd waited{control->fd(), POLLIN, 0};
  while (!bans.has_snapshot()) {
    if (::poll(&waited, 1, static_cast<int>(patience.count())) == 0) {
      return Error{fmt::format("mxwardend has said nothing for {} s", patience.count() / 1000)};
    }
    const auto read = control->read([&](std::string_view line) { return snapshot.take(line); });
    if (!read) return read.error();
  }
  return {};
}

void tell_what_is_left_out(const BanList::Counts& counts, const conf::Settings& settings, std::ostream& err) {
  const auto tell = [&](std::uint64_t count, std::string_view why) {
    if (count > 0) err << fmt::format("mxwarden-firewall: {} bans left out: {}\n", count, why);
  };
  tell(counts.too_short, "they are shorter than [firewall] min_ban");
  tell(counts.guarded, "they cover what is trusted, in never_ban or of this host, or are wider than [guard] allows");
  tell(counts.gave_way,
       fmt::format("there are more than [firewall] max_elements = {}", settings.firewall.max_elements));
}

}  // namespace

int dry_run(const conf::Settings& settings, std::ostream& out, std::ostream& err) {
  const BootClock clock;
  const auto layout = layout_of(settings);
  const auto own = own_addresses();
  if (!own) {
    err << "mxwarden-firewall: the addresses of this host cannot be read\n";
    return EX_OSERR;
  }
  BanList bans(options_of(settings), LastGuard(settings, *own), [](const Prefix&) {});
  if (const auto read = read_snapshot(settings.server.control, bans, clock); !read) {
    err << "mxwarden-firewall: " << read.error().message << '\n';
    return EX_UNAVAILABLE;
  }
  tell_what_is_left_out(bans.counts(), settings, err);
  out << rebuild_text(layout, contents(bans, layout, clock.now())) << std::flush;
  if (out) return EX_OK;
  err << "mxwarden-firewall: the output cannot be written\n";
  return EX_IOERR;
}

}  // namespace mxwarden::firewall
