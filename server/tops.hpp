#pragma once
// The worst offenders of this node and, where nodes share a Redis, of all of them: what `top` at the control socket
// asks.
//
// Each node puts up what it has counted of the last hour and of the last day (policy/top_counts.hpp), its worst 500 of
// each category: one list each two seconds, so that no turn of the loop makes several, and all of them within 24. An
// answer about all nodes is merged of what is counted here now and of what the others have put up last, so it is of an
// hour or of a day; one about this node alone may be of any time.
//
// The last eight answers are kept for a minute, so that the pages of one fit together whoever asks meanwhile.
//
// Threads: one. What it is made with must outlive it, and the board must not call back when it is gone.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "policy/top_counts.hpp"
#include "store/notice_board.hpp"

namespace mxwarden::server {

struct TopQuestion {
  policy::TopBy by = policy::TopBy::rejected;
  std::chrono::milliseconds since{};  // 0 < since <= policy::TopCounts::longest
  std::size_t most = 0;
  bool all_nodes = true;

  bool operator==(const TopQuestion&) const = default;
};

struct TopAnswer {
  struct Partial {
    std::string node;
    std::chrono::milliseconds covers{};
  };

  std::uint64_t id = 0;  // of this answer, for its further pages
  policy::TopList list;
  std::vector<std::string> nodes;   // whom it was merged of, this one first
  std::vector<std::string> silent;  // who has put up something within a day, but nothing that is good now
  std::vector<Partial> partial;     // who has counted for an hour less than the others, at least
  std::string alone;                // not empty: why the others cannot be heard
};

class Tops {
 public:
  // Without a board there is but this node.
  Tops(const Clock& clock, std::string node, const policy::TopCounts::Options& options, store::NoticeBoard* board);

  policy::TopCounts& counts() { return counts_; }
  // Each second.
  void tick();

  using Answer = std::shared_ptr<const TopAnswer>;
  // Called once, at once or later. Must not throw.
  void ask(const TopQuestion& question, std::function<void(const Answer&)> done);
  // An answer that was given; null: it is not kept any more, or was to another question.
  Answer kept(std::uint64_t id, const TopQuestion& question) const;

 private:
  policy::TopList list(policy::TopBy by, Duration since, std::size_t most);
  void put_up(std::size_t number);
  TopAnswer merge(const TopQuestion& question, policy::TopList own,
                  const Result<std::vector<store::Notice>>& notices) const;
  Answer keep(const TopQuestion& question, TopAnswer answer);

  struct Kept {
    TopQuestion question;
    Answer answer;
    Instant at{};
  };

  const Clock& clock_;
  std::string node_;
  policy::TopCounts counts_;
  store::NoticeBoard* board_;
  std::size_t ticks_ = 0;
  std::deque<Kept> kept_;  // the newest last
  std::uint64_t answers_ = 0;
};

}  // namespace mxwarden::server
