#include "server/decision_feed.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "server/control_decision_text.hpp"

namespace mxwarden::server {

class DecisionFeed::Follower final : public ControlStream {
 public:
  Follower(DecisionFeed& feed, policy::DecisionFilter filter) : feed_(feed), filter_(std::move(filter)) {
    feed_.followers_.push_back(this);
  }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  ~Follower() override { std::erase(feed_.followers_, this); }

  void start(News news) override { news_ = std::move(news); }
  bool take(std::string& to) override;

  const policy::DecisionFilter& filter() const { return filter_; }
  void add(std::string_view line);

 private:
  DecisionFeed& feed_;
  policy::DecisionFilter filter_;
  News news_;
  std::string waiting_;
  std::size_t lines_ = 0;   // of them
  std::uint64_t lost_ = 0;  // behind them
};

void DecisionFeed::Follower::add(std::string_view line) {
  // From the first that does not fit on, all are missing at the same place.
  if (lost_ > 0 || lines_ == most_lines || waiting_.size() + line.size() >= most_bytes) {
    ++lost_;
    return;
  }
  waiting_.append(line).append("\n");
  if (lines_++ == 0 && news_) news_();
}

bool DecisionFeed::Follower::take(std::string& to) {
  to += waiting_;
  waiting_.clear();
  lines_ = 0;
  if (const auto lost = std::exchange(lost_, 0); lost > 0) {
    fmt::format_to(std::back_inserter(to), "{{\"lost\":{}}}\n", lost);
  }
  return true;
}

std::unique_ptr<ControlStream> DecisionFeed::follow(policy::DecisionFilter filter) {
  return std::make_unique<Follower>(*this, std::move(filter));
}

// As in the log: each remark has a line, and the verdict; where there is neither, what was answered.
void DecisionFeed::decided(const policy::Request& request, const policy::Decision& decision, Duration took) {
  for (const auto& remark : decision.remarks) tell(request, &remark, decision.store, took);
  if (decision.verdict) {
    tell(request, &*decision.verdict, decision.store, took);
  } else if (decision.remarks.empty()) {
    tell(request, nullptr, decision.store, took);
  }
}

void DecisionFeed::tell(const policy::Request& request, const policy::Verdict* verdict, std::string_view store,
                        Duration took) {
  std::string line;
  for (auto* follower : followers_) {
    if (!follower->filter().passes(request, verdict)) continue;
    if (line.empty()) line = decision_json({request, verdict, store, took, clock_.wall_now()});
    follower->add(line);
  }
}

}  // namespace mxwarden::server
