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
constexpr std::size_t ticks_a_list = 3;
constexpr Duration kept_for = 1min;

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
  if (last_ && clock_.now() - answered_ > kept_for) last_.reset();
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
    const auto answer =
        std::make_shared<const TopAnswer>(TopAnswer{list(question.by, question.since, question.most), {node_}, {}, {}});
    keep(question, answer);
    return done(answer);
  }
  const auto& span = span_for(question.since);
  // As many as the others put up, at least, so that it is not for this node's list alone that one is cut off.
  auto own = list(question.by, span.length, std::max(question.most, most_put_up));
  board_->read(name_of(question.by, span),
               [this, question, own = std::move(own), done = std::move(done)](const auto& notices) {
                 const auto answer = merge(question, own, notices);
                 keep(question, answer);
                 done(answer);
               });
}

Tops::Answer Tops::merge(const TopQuestion& question, policy::TopList own,
                         const Result<std::vector<store::Notice>>& notices) const {
  auto answer = std::make_shared<TopAnswer>();
  answer->nodes.push_back(node_);
  std::vector<policy::TopList> lists{std::move(own)};
  if (!notices) answer->alone = notices.error().message;
  for (const auto& notice : notices ? *notices : std::vector<store::Notice>()) {
    if (notice.node == node_) continue;
    auto list = notice.text ? policy::parse_top_list(*notice.text) : Result<policy::TopList>(Error{});
    (list ? answer->nodes : answer->silent).push_back(notice.node);
    if (list) lists.push_back(std::move(*list));
  }
  std::sort(answer->nodes.begin() + 1, answer->nodes.end());
  std::ranges::sort(answer->silent);
  answer->list = policy::merge(lists);
  answer->list.cut(question.most);
  return answer;
}

void Tops::keep(const TopQuestion& question, const Answer& answer) {
  last_question_ = question;
  last_ = answer;
  answered_ = clock_.now();
}

Tops::Answer Tops::last(const TopQuestion& question) const {
  return last_ && last_question_ == question ? last_ : nullptr;
}

}  // namespace mxwarden::server
