#pragma once
// One call at a time for one question, however many ask it: so that a client that comes a hundred times at once costs
// the store behind it a call or two, not a hundred.
//
// Batches ask the same if they differ in nothing but how many they count: the same entities, counters, windows, limits,
// grains and bindings in the same order. Those of one turn are asked together, as one batch of their sums. While it is
// outstanding others that ask the same wait, and go out together when the answer has come. A batch that nobody shares
// goes through as it is, at once. So do looks (Batch::look, n = 0) and distinct counts, with all that stands beside
// them. Of gauges the highest is said, and each is told its own: it stands until this node says another.
//
// Exact: what is recorded of a sum would have been recorded of each, one after the other, so each is told the total
// less what those behind it added. (The window it is told of is the fullest of the sum.) What is not recorded of a sum
// may be admitted in part: that is asked again one by one, in one turn. When the last answer shows that they do not all
// fit, they are asked one by one to begin with. What is not answered is not answered to any.
//
// Order: kept among batches that ask the same. One that asks something else of the same entity waits for nobody, and
// may be counted before or after those of its turn that stand together.
//
// Deadlines: what is asked together goes out with the earliest; whose own is before the latest of those that are
// outstanding does not wait for them. Memory: what is outstanding or waits, which is bounded by who asks. Threads: one.

#include <cstdint>
#include <vector>

#include "store/pool.hpp"
#include "store/store.hpp"

namespace mxwarden::store {

class CoalescingStore final : public Store {
 public:
  // `inner` must outlive it.
  explicit CoalescingStore(Store& inner);

  void execute(const Batch& batch, Instant deadline, Completion completion) override;
  void flush() override;
  void tick(Instant now) override { inner_.tick(now); }
  std::string_view name() const override { return inner_.name(); }

 private:
  // A batch, and who asked it.
  struct Ask {
    const Batch* batch;
    Instant deadline;
    Completion completion;
  };

  // What is left to be asked of one batch, and the answers that are known.
  struct Rest {
    Batch batch;
    std::vector<CountAnswer> answers;
  };

  // Batches that ask the same. Kept and used again.
  struct Question {
    const Batch* batch = nullptr;  // what it is about: one of them, or their sum
    Question** place = nullptr;    // where others find it; null: they do not
    std::vector<Ask> asks;         // in their order: of this turn, or outstanding
    std::vector<Ask> waiting;      // for those that are outstanding
    bool outstanding = false;
    Instant ends_by{};                 // what is outstanding
    std::vector<CountAnswer> last;     // answers, from before `asks`; empty: not known
    Batch sum;                         // of `asks`
    std::vector<std::uint32_t> apart;  // of their counts, those that are asked one by one
    std::vector<Rest> rests;           // of `asks`, while they are
    std::size_t left = 0;              // of `rests`, not yet answered
  };

  static std::vector<Ask>* company_of(Question& question, const Batch& batch, Instant deadline);
  void send_asked();
  void send(Question& question);
  static void add_up(Question& question);
  void ask_alone(Question& question);
  void answered_alone(Question& question, Answers answers);
  void ask_together(Question& question);
  void answered_together(Question& question, Answers answers);
  void ask_one_by_one(Question& question, const std::vector<CountAnswer>& before);
  void answered_one(Question& question, std::size_t at, Answers answers);
  void end(Question& question, Answers answers);

  Store& inner_;
  Pool<Question> questions_;
  // By a hash. A question whose place is taken by another is not found, and is asked as often as it comes.
  std::vector<Question*> places_;
  std::vector<Question*> asked_;  // in this turn
};

}  // namespace mxwarden::store
