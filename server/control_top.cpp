#include "server/control_top.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "server/tops.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr std::uint64_t largest_top = 10'000;
constexpr std::uint64_t usual_top = 500;
constexpr std::uint64_t most_lists = 1'000'000'000'000;
// Bytes of the names of nodes; there is room for hundreds.
constexpr std::size_t most_names = 20'000;
constexpr std::size_t most_partial = 50;
// What else an answer has around its entries.
constexpr std::size_t frame = 512;

policy::TopBy read_by(Members& members) {
  const auto name = members.text("by", Need::required);
  const auto by = policy::parse_top_by(name);
  if (!by) members.fail(fmt::format("`by' must be one of {}", fmt::join(policy::top_by_names, ", ")));
  return by.value_or(policy::TopBy::rejected);
}

milliseconds read_since(Members& members) {
  constexpr auto longest = std::chrono::floor<milliseconds>(policy::TopCounts::longest);
  const auto since = members.duration("since_ms", Need::optional).value_or(longest);
  if (since > longest) {
    members.fail(fmt::format("`since_ms' can be {} at most: nothing older than {} is kept", longest.count(),
                             to_string(longest)));
  }
  return since;
}

bool read_all_nodes(Members& members) {
  const auto nodes = members.text("nodes", Need::optional);
  if (!nodes.empty() && nodes != "this" && nodes != "all") members.fail("`nodes' must be this or all");
  return nodes != "this";
}

std::string_view member_of(policy::TopBy by) {
  if (by == policy::TopBy::login) return "login";
  return by == policy::TopBy::network ? "network" : "client";
}

std::string utf8(const std::string& text) {
  return is_utf8(text) ? text : printable(text);
}

json::array names_of(const std::vector<std::string>& nodes) {
  json::array names;
  std::size_t size = 0;
  for (const auto& node : nodes) {
    auto name = json::serialize(json::value(utf8(node)));
    size += name.size();
    if (size > most_names) break;
    names.emplace_back(utf8(node));
  }
  return names;
}

// Those among the nodes that are named.
json::array partial_of(const TopAnswer& answer) {
  json::array partial;
  for (const auto& one : answer.partial) {
    if (partial.size() == most_partial) break;
    partial.push_back({{"node", utf8(one.node)}, {"covers_ms", one.covers.count()}});
  }
  return partial;
}

std::string text_of(const policy::TopEntry& entry, std::string_view member) {
  return json::serialize(json::object{{member, utf8(entry.name)},
                                      {"count", entry.count},
                                      {"error", entry.error},
                                      {"rule", utf8(entry.rule)},
                                      {"last", milliseconds_since_1970(entry.last)}});
}

// From the entry of this rank on, as many as fit.
std::string page(const TopQuestion& question, const TopAnswer& answer, std::size_t from) {
  const auto& list = answer.list;
  json::object head{{"by", policy::to_string(question.by)}, {"since_ms", question.since.count()},
                    {"covers_ms", list.covers.count()},     {"floor", list.floor},
                    {"nodes", names_of(answer.nodes)},      {"silent", names_of(answer.silent)}};
  if (!answer.alone.empty()) head["alone"] = cut_sentence(answer.alone);
  if (!answer.partial.empty()) head["partial"] = partial_of(answer);
  auto text = json::serialize(head);
  text.erase(0, 1).pop_back();
  text += R"(,"entries":[)";
  auto at = from - 1;
  for (; at < list.entries.size(); ++at) {
    const auto entry = text_of(list.entries[at], member_of(question.by));
    if (text.size() + entry.size() + frame > ControlOperations::longest_answer) break;
    if (at >= from) text += ',';
    text += entry;
  }
  text += ']';
  if (at < list.entries.size()) text += fmt::format(R"(,"next":{},"list":{})", at + 1, answer.id);
  return text;
}

}  // namespace

void list_top(Call& call) {
  auto& members = call.members;
  TopQuestion question;
  question.by = read_by(members);
  question.most = members.number("most", Need::optional, largest_top, "a number").value_or(usual_top);
  question.since = read_since(members);
  question.all_nodes = read_all_nodes(members);
  const auto from = members.number("from", Need::optional, largest_top, "a rank").value_or(1);
  const auto list = members.number("list", Need::optional, most_lists, "the number of a list,");
  if (from > 1 && !list)
    members.fail("`list' is missing: `from' goes on with the one of which the last answer had `next'");
  if (call.faulty()) return;
  auto& tops = call.daemon.tops;
  if (list) {
    const auto kept = tops.kept(*list, question);
    if (kept == nullptr) return call.reply.error("this list is not kept any more: ask for it from its beginning");
    return call.reply.ok(page(question, *kept, from));
  }
  tops.ask(question, [reply = call.reply, question, from](const Tops::Answer& answer) {
    reply.ok(page(question, *answer, from));
  });
}

}  // namespace mxwarden::server
