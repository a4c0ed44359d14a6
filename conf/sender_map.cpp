#include "conf/sender_map.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <boost/unordered/unordered_flat_set.hpp>
#include <optional>
#include <vector>

#include "conf/access_line.hpp"
#include "conf/file.hpp"
#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(std::string_view text) const { return XXH3_64bits(text.data(), text.size()); }
};

// `local@domain`, `@domain`, or, of a login, neither.
std::optional<std::string> canonical(std::string_view text, bool may_lack_domain) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos) return may_lack_domain ? std::optional(lower(text)) : std::nullopt;
  const auto domain = parse_name(text.substr(at + 1));
  if (!domain) return std::nullopt;
  return lower(text.substr(0, at + 1)) + *domain;
}

// A line end is the one byte that no word can hold. An empty sender stands for the login itself.
std::string together(std::string_view login, std::string_view sender) {
  std::string both;
  both.reserve(login.size() + 1 + sender.size());
  return both.append(login).append("\n").append(sender);
}

}  // namespace

struct SenderMap::Index {
  boost::unordered_flat_set<std::string, TextHash, std::equal_to<>> pairs;

  // One line, without its comment.
  void read(std::string_view content, const Origin& where, Report& report);
};

void SenderMap::Index::read(std::string_view content, const Origin& where, Report& report) {
  const auto login_word = take_word(content);
  if (login_word.empty()) return;
  const auto fault = [&](std::string what) { report.faults.push_back({where, std::move(what)}); };
  const auto login = canonical(login_word, true);
  if (!login || login->starts_with('@')) {
    return fault(fmt::format("`{}' is not a login; write it as sasl_username has it, such as anna or anna@example.org",
                             login_word));
  }
  const auto senders = words(content);
  if (senders.empty())
    return fault(fmt::format("no sender stands after `{}'; write an address or @domain", login_word));
  pairs.insert(together(*login, {}));
  for (const auto word : senders) {
    if (const auto sender = canonical(word, false)) {
      pairs.insert(together(*login, *sender));
    } else {
      fault(fmt::format("`{}' is not a sender; write an address or @domain", word));
    }
  }
}

SenderMap::SenderMap() : index_(std::make_unique<Index>()) {}
SenderMap::~SenderMap() = default;
SenderMap::SenderMap(SenderMap&&) noexcept = default;
SenderMap& SenderMap::operator=(SenderMap&&) noexcept = default;

SenderMap SenderMap::parse(std::string_view text, const std::string& file, Report& report) {
  SenderMap map;
  for (Origin where{file, 1}; !text.empty(); ++where.line) {
    const auto line = take_line(text);
    if (is_clean(line)) {
      map.index_->read(trim(without_comment(line)), where, report);
    } else {
      report.faults.push_back({where, "the line has a control character or is not valid UTF-8"});
    }
  }
  return map;
}

SenderMap SenderMap::load(const std::string& file, Report& report) {
  const auto content = read_file(file);
  if (!content) {
    report.faults.push_back({{file, 0}, content.error().message});
    return {};
  }
  if (!*content) {
    report.faults.push_back({{file, 0}, "there is no such file; [login_sender] map names it"});
    return {};
  }
  report.files.push_back(file);
  return parse(**content, file, report);
}

bool SenderMap::names(std::string_view login) const {
  return lists(login, {});
}

bool SenderMap::lists(std::string_view login, std::string_view sender) const {
  return index_->pairs.contains(together(login, sender));
}

}  // namespace mxwarden::conf
