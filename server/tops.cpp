#include "server/tops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace mxwarden::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_put_up = 500;
constexpr std::size_t largest_put_up = 64 * 1024;
constexpr std::size_t ticks_a_list = 2;
constexpr Duration kept_for = 1min;
constexpr std::size_t most_kept = 8;
// A node that has counted for so much less than another is told of.
constexpr std::chrono::milliseconds much_less = 1h;

struct Span {
  Duration length;
  std::string_view name;
};
constexpr std::array spans{Span{1h, "1h"}, Span{24h, "1d"}};

const Span& span_for(Duration since) {
  return since <= spans.front().length ? spans.front() : spans.back();
}

std::string name_of(policy::TopBy by, const Span& span) {
  return fmt::format("top/{}/{}", policy::to_string(by), span.name);
}

}  // namespace

Tops::Tops(const Clock& clock, std::string node, const policy::TopCounts::Options& options, store::NoticeBoard* board)
    : clock_(clock), node_(std::move(node)), counts_(options, clock.now()), board_(board) {}

void Tops::tick() {
  while (!kept_.empty() && clock_.now() - kept_.front().at > kept_for) kept_.pop_front();
  if (board_ == nullptr || ++ticks_ % ticks_a_list != 0) return;
  put_up(ticks_ / ticks_a_list % (policy::top_by_names.size() * spans.size()));
}

void Tops::put_up(std::size_t number) {
  const auto by = static_cast<policy::TopBy>(number / spans.size());
  const auto& span = spans[number % spans.size()];
  board_->put(name_of(by, span), to_text(list(by, span.length, most_put_up), largest_put_up));
}

policy::TopList Tops::list(policy::TopBy by, Duration since, std::size_t most) {
  return counts_.list(by, since, most, clock_.now(), clock_.wall_now());
}

void Tops::ask(const TopQuestion& question, std::function<void(const Answer&)> done) {
  if (!question.all_nodes || board_ == nullptr) {
    TopAnswer answer;
    answer.list = list(question.by, question.since, question.most);
    answer.nodes = {node_};
    return done(keep(question, std::move(answer)));
  }
  const auto& span = span_for(question.since);
  // As many as the others put up, at least, so that it is not for this node's list alone that one is cut off.
  auto own = list(question.by, span.length, std::max(question.most, most_put_up));
  board_->read(name_of(question.by, span),
               [this, question, own = std::move(own), done = std::move(done)](const auto& notices) {
                 done(keep(question, merge(question, own, notices)));
               });
}

TopAnswer Tops::merge(const TopQuestion& question, policy::TopList own,
                      const Result<std::vector<store::Notice>>& notices) const {
  TopAnswer answer;
  std::vector<policy::TopList> lists{std::move(own)};
  std::vector<TopAnswer::Partial> covers{{node_, lists.front().covers}};
  if (!notices) answer.alone = notices.error().message;
  for (const auto& notice : notices ? *notices : std::vector<store::Notice>()) {
    if (notice.node == node_) continue;
    auto list = notice.text ? policy::parse_top_list(*notice.text) : Result<policy::TopList>(Error{});
    if (!list) {
      answer.silent.push_back(notice.node);
      continue;
    }
    covers.push_back({notice.node, list->covers});
    lists.push_back(std::move(*list));
  }
  std::ranges::sort(covers.begin() + 1, covers.end(), {}, &TopAnswer::Partial::node);
  std::ranges::sort(answer.silent);
  answer.list = policy::merge(lists);
  for (const auto& one : covers) {
    answer.nodes.push_back(one.node);
    if (one.covers + much_less <= answer.list.covers) answer.partial.push_back(one);
  }
  answer.list.cut(question.most);
  return answer;
}

Tops::Answer Tops::keep(const TopQuestion& question, TopAnswer answer) {
  answer.id = ++answers_;
  auto kept = std::make_shared<const TopAnswer>(std::move(answer));
  kept_.push_back({question, kept, clock_.now()});
  if (kept_.size() > most_kept) kept_.pop_front();
  return kept;
}

Tops::Answer Tops::kept(std::uint64_t id, const TopQuestion& question) const {
  const auto found = std::ranges::find(kept_, id, [](const Kept& kept) { return kept.answer->id; });
  return found != kept_.end() && found->question == question ? found->answer : nullptr;
}

}  // namespace mxwarden::server
