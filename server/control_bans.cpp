#include "server/control_bans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace mxwarden::server {
namespace {

using std::chrono::milliseconds;
using store::RecordKind;

constexpr std::size_t page_size = 500;
constexpr std::size_t most_changes = 10'000;
constexpr auto heartbeat_interval = std::chrono::seconds(5);

std::int64_t milliseconds_between(WallTime from, WallTime to) {
  return std::chrono::ceil<milliseconds>(to - from).count();
}

// Without an allocation of its own: a million of them may be wanted at once.
void append_number(std::string& to, std::int64_t number) {
  const fmt::format_int text(number);
  to.append(text.data(), text.size());
}

void append_ban(std::string& to, const store::Record& record, WallTime now) {
  const auto left = milliseconds_between(now, record.until);
  to += "{\"net\":\"";
  record.net.append_to(to);
  to += "\",\"left_ms\":";
  append_number(to, left);
  // The clock of the node that has made it may be ahead of ours.
  if (const auto made = std::get<store::Ban>(record.what).made; made > WallTime()) {
    to += ",\"length_ms\":";
    append_number(to, std::max(left, milliseconds_between(made, record.until)));
  }
  to += '}';
}

class BanStream final : public ControlStream {
 public:
  BanStream(store::Records& records, const Clock& clock)
      : records_(records),
        clock_(clock),
        last_heartbeat_(clock.now()),
        following_(
            records.book().follow([this](RecordKind kind, const Prefix& net, const store::RecordBook::Entry& entry) {
              if (kind == RecordKind::ban) changed(net, entry != nullptr);
            })) {}

  void start(News news) override { news_ = std::move(news); }
  void tick() override;
  bool take(std::string& to) override;

 private:
  void changed(const Prefix& net, bool is_there);
  void begin_snapshot(std::string& to, Instant now);
  void append_page(std::string& to, Instant now);
  void append_changes(std::string& to, Instant now);

  store::Records& records_;
  const Clock& clock_;
  News news_;
  bool snapshot_is_due_ = true;   // the one that is under way, if any, will not do
  bool listing_ = false;          // a snapshot is under way
  std::optional<Prefix> listed_;  // so far
  std::int64_t epoch_ = 0;        // of the last that began
  std::int64_t ended_epoch_ = 0;
  std::map<Prefix, bool> changes_;  // to be told; whether there was none of the net in between
  bool too_many_changes_ = false;
  bool heartbeat_is_due_ = false;
  Instant last_heartbeat_;
  std::shared_ptr<void> following_;
};

// What is behind the end of the list so far will be listed as it is then. But that it has gone is told all the same:
// the snapshot might not come to its end.
void BanStream::changed(const Prefix& net, bool is_there) {
  const bool to_be_listed = listing_ && (!listed_ || net > *listed_);
  if (too_many_changes_ || (is_there && to_be_listed)) return;
  if (changes_.size() == most_changes && !changes_.contains(net)) {
    too_many_changes_ = true;
    changes_.clear();
  } else {
    auto& was_gone = changes_[net];
    was_gone = was_gone || !is_there;
  }
  if (news_) news_();
}

void BanStream::tick() {
  const auto current = records_.current();
  snapshot_is_due_ = snapshot_is_due_ || !current;
  if (const auto now = clock_.now(); now - last_heartbeat_ >= heartbeat_interval) {
    last_heartbeat_ = now;
    heartbeat_is_due_ = true;
  }
  if (heartbeat_is_due_ || (snapshot_is_due_ && current)) news_();
}

bool BanStream::take(std::string& to) {
  if (too_many_changes_) return false;
  const auto now = clock_.now();
  if (std::exchange(heartbeat_is_due_, false)) {
    fmt::format_to(std::back_inserter(to), "{{\"heartbeat\":{}}}\n", ended_epoch_);
  }
  if (!listing_ && snapshot_is_due_ && records_.current()) begin_snapshot(to, now);
  if (listing_) append_page(to, now);
  if (!listing_) append_changes(to, now);
  return true;
}

void BanStream::begin_snapshot(std::string& to, Instant now) {
  snapshot_is_due_ = false;
  listing_ = true;
  listed_.reset();
  epoch_ = std::max(epoch_ + 1, milliseconds_since_1970(records_.book().wall(now)));
  fmt::format_to(std::back_inserter(to), "{{\"snapshot\":\"begin\",\"epoch\":{}}}\n", epoch_);
}

void BanStream::append_page(std::string& to, Instant now) {
  const auto page = records_.book().list(RecordKind::ban, listed_ ? &*listed_ : nullptr, page_size, now);
  for (const auto& record : page) {
    append_ban(to, *record, records_.book().wall(now));
    to += '\n';
  }
  if (!page.empty()) listed_ = page.back()->net;
  if (page.size() == page_size) return;
  listing_ = false;
  // That it was not current for a while is only known from the next tick on.
  snapshot_is_due_ = snapshot_is_due_ || !records_.current();
  if (snapshot_is_due_) return;
  ended_epoch_ = epoch_;
  to += "{\"snapshot\":\"end\"}\n";
}

void BanStream::append_changes(std::string& to, Instant now) {
  for (std::size_t told = 0; told < page_size && !changes_.empty(); ++told) {
    const auto [net, was_gone] = *changes_.begin();
    changes_.erase(changes_.begin());
    const auto record = records_.book().find_net(RecordKind::ban, net, now);
    if (record == nullptr || was_gone || std::get<store::Ban>(record->what).by_operator()) {
      to += "{\"remove\":\"";
      net.append_to(to);
      to += "\"}\n";
    }
    if (record == nullptr) continue;
    to += "{\"add\":";
    append_ban(to, *record, records_.book().wall(now));
    to += "}\n";
  }
}

}  // namespace

void follow_bans(Call& call) {
  if (call.faulty()) return;
  call.follow([&] { return std::make_unique<BanStream>(call.daemon.records, call.daemon.clock); });
}

}  // namespace mxwarden::server
