#include "conf/access_table.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "base/ascii.hpp"
#include "base/idna.hpp"
#include "conf/access_line.hpp"
#include "conf/file.hpp"
#include "conf/net_index.hpp"
#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

constexpr std::size_t longest_name = 255;
// The last tag is about logins.
constexpr auto tags_of_clients = static_cast<std::size_t>(AccessTag::login_rate);

struct NameHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(std::string_view name) const { return XXH3_64bits(name.data(), name.size()); }
};
// One for each tag: the entry's number and one, 0 for none.
using OfTags = std::array<std::uint32_t, access_tags>;
// To a place in a list beside it: most look-ups find nothing, and are the quicker the less lies in their way.
using Names = boost::unordered_flat_map<std::string, std::uint32_t, NameHash, std::equal_to<>>;

std::uint32_t& of(OfTags& entries, AccessTag tag) {
  return entries[static_cast<std::size_t>(tag)];
}

// How many lines of a kind there are, and the number of the first.
struct Lines {
  int first = 0;
  int count = 0;
};
using ForeignLines = std::map<std::string, Lines>;

void move_by_line(std::vector<Fault>& from, std::vector<Fault>& to) {
  std::ranges::stable_sort(from, std::less<>(), [](const Fault& fault) { return fault.where.line; });
  std::ranges::move(from, std::back_inserter(to));
}

std::string count_of(const Lines& lines) {
  return fmt::format("{} line{}", lines.count, lines.count == 1 ? "" : "s");
}

// A `#` in double quotes belongs to a reply's text.
std::string_view without_access_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '"') quoted = !quoted;
    if (line[at] == '#' && !quoted && (at == 0 || is_blank(line[at - 1]))) return line.substr(0, at);
  }
  // A quote that is never closed quotes nothing.
  return quoted ? without_comment(line) : line;
}

// In lower case and without a trailing dot; nothing for what cannot be a name. `buffer` holds it.
std::string_view canonical(std::string_view name, std::array<char, longest_name>& buffer) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() > buffer.size()) return {};
  copy_lower(buffer.data(), name);
  return {buffer.data(), name.size()};
}

// A login whose domain is in Unicode; what IDNA refuses stays as it is.
std::string with_a_labels(std::string_view login) {
  const auto domain = find_last(login, '@') + 1;
  const auto converted = to_a_labels(login.substr(domain));
  return std::string(login.substr(0, domain)).append(converted ? std::string_view(*converted) : login.substr(domain));
}

// A stranger chooses how many labels his name has; more than any entry has need not be looked for.
std::string_view last_labels(std::string_view name, std::ptrdiff_t most) {
  auto begin = name.size();
  for (; begin > 0 && most > 0; --most) {
    const auto dot = find_last(name.substr(0, begin), '.');
    if (dot == std::string_view::npos) return name;
    begin = dot;
  }
  return begin < name.size() ? name.substr(begin + 1) : name;
}

}  // namespace

struct AccessTable::Index {
  std::vector<AccessEntry> entries;
  std::array<NetIndex, access_tags> nets;
  std::vector<std::pair<Prefix, std::uint32_t>> allowed_nets;  // of Connect: OK
  Names names;
  std::vector<OfTags> of_names;
  std::array<bool, access_tags> has_names{};
  std::ptrdiff_t most_dots = 0;  // of a name
  OfTags otherwise{};

  // Tells `found` of each entry for the name and the names above it, the longest first.
  template <class Found>
  void walk(std::string_view name, Found found) const;
  OfTags& entries_of(std::string name);
  // One line, without its comment.
  void read(std::string_view content, const Origin& where, ForeignLines& foreign, Report& report);
  // The entry that has the key already, if there is one. Of nets finish() finds it.
  const AccessEntry* insert(AccessLine line);
  // Called once, after the last insert().
  void finish(const std::string& file, Report& report);
};

void AccessTable::Index::read(std::string_view content, const Origin& where, ForeignLines& foreign, Report& report) {
  if (content.empty()) return;
  auto parsed = parse_access_line(content);
  if (!parsed) {
    report.faults.push_back({where, parsed.error().message});
    return;
  }
  if (const auto* other = std::get_if<ForeignLine>(&*parsed)) {
    auto& lines = foreign[other->what];
    if (lines.count++ == 0) lines.first = where.line;
    return;
  }
  auto& line = std::get<AccessLine>(*parsed);
  line.entry.line = where.line;
  const auto key = line.entry.key.empty() ? std::string("the default") : "the key " + line.entry.key;
  if (const auto* first = insert(std::move(line))) {
    report.faults.push_back({where, fmt::format("{} is there already, in line {}", key, first->line)});
  }
}

OfTags& AccessTable::Index::entries_of(std::string name) {
  const auto [at, made] = names.emplace(std::move(name), static_cast<std::uint32_t>(of_names.size()));
  if (made) of_names.emplace_back();
  return of_names[at->second];
}

const AccessEntry* AccessTable::Index::insert(AccessLine line) {
  line.entry.tag = line.tag;
  if (const auto* net = std::get_if<Prefix>(&line.key)) {
    const auto number = static_cast<std::uint32_t>(entries.size());
    nets[static_cast<std::size_t>(line.tag)].insert(*net, number);
    if (line.entry.ok) allowed_nets.emplace_back(*net, number);
  } else {
    auto* name = std::get_if<std::string>(&line.key);
    if (name != nullptr) {
      most_dots = std::max(most_dots, std::ranges::count(*name, '.'));
      has_names[static_cast<std::size_t>(line.tag)] = true;
    }
    auto& place = of(name != nullptr ? entries_of(std::move(*name)) : otherwise, line.tag);
    if (place != 0) return &entries[place - 1];
    place = static_cast<std::uint32_t>(entries.size()) + 1;
  }
  entries.push_back(std::move(line.entry));
  return nullptr;
}

void AccessTable::Index::finish(const std::string& file, Report& report) {
  for (auto& of_tag : nets) {
    for (const auto& [first, again] : of_tag.finish()) {
      report.faults.push_back(
          {{file, entries[again].line},
           fmt::format("the key {} is there already, in line {}", entries[again].key, entries[first].line)});
    }
  }
}

template <class Found>
void AccessTable::Index::walk(std::string_view name, Found found) const {
  name = last_labels(name, most_dots + 1);
  while (!name.empty()) {
    if (const auto known = names.find(name); known != names.end()) found(of_names[known->second]);
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
}

AccessTable::AccessTable() : index_(std::make_unique<Index>()) {}
AccessTable::~AccessTable() = default;
AccessTable::AccessTable(AccessTable&&) noexcept = default;
AccessTable& AccessTable::operator=(AccessTable&&) noexcept = default;

AccessTable AccessTable::parse(std::string_view text, const std::string& file, Report& report) {
  AccessTable table;
  Report own;
  ForeignLines foreign;
  table.index_->entries.reserve(
      std::min<std::size_t>(static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1, 1 << 20));
  for (Origin where{file, 1}; !text.empty(); ++where.line) {
    const auto line = take_line(text);
    if (is_clean(line)) {
      table.index_->read(trim(without_access_comment(line)), where, foreign, own);
    } else {
      own.faults.push_back({where, "the line has a control character or is not valid UTF-8"});
    }
  }
  table.index_->finish(file, own);
  for (const auto& [what, lines] : foreign) {
    own.warnings.push_back(
        {{file, lines.first}, fmt::format("{} does not concern mxwarden; passed over ({})", what, count_of(lines))});
  }
  move_by_line(own.faults, report.faults);
  move_by_line(own.warnings, report.warnings);
  return table;
}

AccessTable AccessTable::load(const std::string& file, Report& report, bool optional) {
  const auto content = read_file(file);
  if (!content) {
    report.faults.push_back({{file, 0}, content.error().message});
    return {};
  }
  if (!*content && !optional) {
    report.faults.push_back(
        {{file, 0}, "there is no such file; to do without an access table write `access =' in [client]"});
    return {};
  }
  if (!*content) {
    report.warnings.push_back({{file, 0}, "there is no such file; the access table is empty"});
    return {};
  }
  report.files.push_back(file);
  return parse(**content, file, report);
}

AccessMatch AccessTable::match(const Address* address, std::string_view client_name, std::string_view login) const {
  AccessMatch match;
  const auto add = [&](const OfTags& found) {
    for (std::size_t tag = 0; tag < tags_of_clients; ++tag) {
      auto& entry = match.entries_[tag];
      if (entry == nullptr && found[tag] != 0) entry = &index_->entries[found[tag] - 1];
    }
  };
  if (address != nullptr) {
    OfTags found{};
    for (std::size_t tag = 0; tag < tags_of_clients; ++tag) {
      if (const auto net = index_->nets[tag].find(*address)) found[tag] = *net + 1;
    }
    add(found);
  }
  // A name is asked about only where it can still say something.
  bool open = false;
  for (std::size_t tag = 0; tag < tags_of_clients; ++tag) {
    open = open || (index_->has_names[tag] && match.entries_[tag] == nullptr);
  }
  if (open && client_name != "unknown") {
    std::array<char, longest_name> buffer;
    index_->walk(canonical(client_name, buffer), add);
  }
  add(index_->otherwise);
  if (!login.empty()) match.entries_[static_cast<std::size_t>(AccessTag::login_rate)] = find_login(login);
  return match;
}

const AccessEntry* AccessTable::find_login(std::string_view login) const {
  std::uint32_t number = 0;
  const auto add = [&](OfTags found) {
    if (number == 0) number = of(found, AccessTag::login_rate);
  };
  if (!login.empty() && index_->has_names[static_cast<std::size_t>(AccessTag::login_rate)]) {
    std::array<char, longest_name> buffer;
    const auto in_a_labels = is_ascii(login) ? std::string() : with_a_labels(login);
    const auto name = canonical(in_a_labels.empty() ? login : in_a_labels, buffer);
    if (const auto whole = index_->names.find(name); whole != index_->names.end()) add(index_->of_names[whole->second]);
    if (const auto at = name.rfind('@'); at != std::string_view::npos) index_->walk(name.substr(at + 1), add);
  }
  add(index_->otherwise);
  return number == 0 ? nullptr : &index_->entries[number - 1];
}

const AccessEntry* AccessTable::allowed_in(const Prefix& net) const {
  const auto* first = match(&net.address(), {})[AccessTag::connect];
  if (first != nullptr && first->ok) return first;
  if (net.length() == net.address().bits()) return nullptr;
  const auto found =
      std::ranges::find_if(index_->allowed_nets, [&](const auto& allowed) { return allowed.first.overlaps(net); });
  return found == index_->allowed_nets.end() ? nullptr : &index_->entries[found->second];
}

std::span<const AccessEntry> AccessTable::entries() const {
  return index_->entries;
}

std::size_t AccessTable::size() const {
  return index_->entries.size();
}

}  // namespace mxwarden::conf
