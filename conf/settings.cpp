// From the lines of a file to typed settings: defaults, then the file, then --set. Every fault of all of it is named.

#include "conf/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include "conf/file.hpp"
#include "conf/line_reader.hpp"
#include "conf/settings_table.hpp"
#include "conf/text.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

// With the rules that are there anyway, no more than a RuleMask of policy/ has bits.
constexpr std::size_t most_limits = 50;
constexpr std::size_t longest_limit_name = 40;
// Names that a reply's [mxw:RULE] and a log line's rule= have for something else, and those of counters of policy/.
constexpr std::array<std::string_view, 11> taken_names{"connect",
                                                       "access",
                                                       "ban",
                                                       "operator_ban",
                                                       "message",
                                                       "store",
                                                       "good_record",
                                                       "accepted_recipient",
                                                       "bad_recipient_rate",
                                                       "suspected_recipient",
                                                       "suspected_recipient_rate"};

bool is_limit(std::string_view section) {
  return section.starts_with(limit_prefix);
}

bool is_limit_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_limit_name &&
         std::ranges::all_of(name, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_'; });
}

std::string unknown(std::string_view kind, std::string_view name, const std::vector<std::string_view>& known,
                    const std::vector<std::string_view>& later) {
  auto candidates = known;
  candidates.insert(candidates.end(), later.begin(), later.end());
  const auto meant = nearest(name, candidates);
  const auto hint = meant.empty() ? std::string("allowed are") : fmt::format("did you mean {}? Allowed are", meant);
  return fmt::format("`{}' is not {}; {} {}", name, kind, hint, alternatives(known.empty() ? later : known));
}

// What was read of one section of the file or of --set: where each of its settings stands.
using Given = std::map<std::string, Origin, std::less<>>;

class SettingsReader {
 public:
  explicit SettingsReader(Report& report) : report_(report) {
    for (const auto& section : limit_sections()) given_limits_.push_back({section, section.draft()});
    for (const auto& setting : settings_table()) {
      if (setting.section != any_limit) read_default(setting, place_of(setting.section));
    }
  }

  void read_sections(const std::vector<SectionLine>& lines) {
    for (const auto& line : lines) {
      if (is_limit(line.section)) {
        add_limit(line);
      } else if (std::ranges::find(section_names(), line.section) == section_names().end()) {
        auto known = section_names();
        known.push_back(any_limit);
        fault(line.where, unknown("a section", line.section, known, {}));
      }
    }
  }

  // A layer: the file, or the command line. A setting that the layer has replaces what was there before.
  void read_layer(const std::vector<SettingLine>& lines) {
    std::map<std::string, Given, std::less<>> layer;
    for (const auto& line : lines) read_line(line, layer[line.section]);
    for (const auto& [section, given] : layer) {
      for (const auto& [name, where] : given) given_[section].insert_or_assign(name, where);
    }
  }

  // An override can make a limit, as a section of the file does.
  void make_limits(const std::vector<SettingLine>& lines) {
    for (const auto& line : lines) {
      if (is_limit(line.section) && limit_of(line.section) == nullptr) add_limit({line.section, line.where});
    }
  }

  Settings finish() {
    for (const auto& [section, draft] : given_limits_) {
      finish_limit(std::string(section.name), draft, settings_.*section.limit);
    }
    for (const auto& draft : limits_) finish_named_limit(draft);
    check_listeners();
    check_pause();
    check_sentinels();
    check_tls();
    return std::move(settings_);
  }

 private:
  struct NamedDraft {
    std::string section;
    Origin where;
    LimitDraft draft;
  };

  struct GivenDraft {
    LimitSection section;
    LimitDraft draft;
  };

  LimitDraft* limit_of(std::string_view section) {
    for (auto& given : given_limits_) {
      if (given.section.name == section) return &given.draft;
    }
    const auto found = std::ranges::find(limits_, section, &NamedDraft::section);
    return found == limits_.end() ? nullptr : &found->draft;
  }

  Place place_of(std::string_view section) { return {settings_, limit_of(section)}; }

  static void read_default(const Setting& setting, const Place& place) {
    // A default that its own setting does not take is a bug: value() throws.
    if (setting.presence == Presence::has_default) setting.read(place, setting.value).value();
  }

  void add_limit(const SectionLine& line) {
    const auto name = line.section.substr(limit_prefix.size());
    const auto& names = section_names();
    const auto same = std::ranges::find(limits_, line.section, &NamedDraft::section);
    if (same != limits_.end()) {
      return fault(line.where, fmt::format("[{}] is there already, in line {}", line.section, same->where.line));
    }
    if (!is_limit_name(name)) {
      fault(line.where,
            fmt::format("`{}' is not a name for a limit; write lower-case letters, digits and `_', at most {}", name,
                        longest_limit_name));
    } else if (std::ranges::find(names, name) != names.end() ||
               std::ranges::find(taken_names, name) != taken_names.end()) {
      fault(line.where, fmt::format("`{}' is the name of something else already; choose another for the limit", name));
    }
    // Kept even so: what its lines say wrong is to be named as well.
    limits_.push_back({line.section, line.where, named_limit_draft(name)});
    if (limits_.size() == most_limits + 1) fault(line.where, fmt::format("at most {} limits are allowed", most_limits));
    for (const auto& setting : settings_table()) {
      if (setting.section == any_limit) read_default(setting, {settings_, &limits_.back().draft});
    }
  }

  void read_line(const SettingLine& line, Given& given) {
    const auto* setting = find_setting(line.section, line.name);
    if (setting == nullptr) return read_unknown(line);
    const auto place = place_of(line.section);
    if (is_limit(line.section) && place.limit == nullptr) return;
    const auto [first, is_first] = given.emplace(line.name, line.where);
    if (is_first && setting->clear != nullptr) setting->clear(place);
    const bool in_file = line.where.line > 0;
    // On the command line the last one wins.
    if (!is_first && setting->clear == nullptr && in_file) {
      return fault(line.where,
                   fmt::format("{} is there already, in line {}; it is allowed once", line.name, first->second.line));
    }
    if (const auto read = setting->read(place, line.value); !read) {
      broken_.insert({line.section, Origin()});
      fault(line.where, fmt::format("{}: {}", line.name, read.error().message));
    }
  }

  void read_unknown(const SettingLine& line) {
    if (is_reserved(line.section, line.name)) {
      report_.warnings.push_back(
          {line.where,
           fmt::format("{} of [{}] is reserved for a later release, has no effect yet", line.name, line.section)});
      return;
    }
    const auto known = setting_names(line.section);
    const auto later = reserved_names(line.section);
    // Of an unknown section its own line says so.
    if (known.empty() && later.empty() && line.where.line > 0) return;
    if (known.empty() && later.empty())
      return fault(line.where, unknown("a section", line.section, section_names(), {}));
    fault(line.where, unknown(fmt::format("a setting of [{}]", line.section), line.name, known, later));
  }

  // Where a setting stands; else the section that should have it.
  Origin origin_of(std::string_view section, std::string_view name, const Origin& otherwise) const {
    const auto given = given_.find(section);
    if (given == given_.end()) return otherwise;
    const auto found = given->second.find(name);
    if (found != given->second.end()) return found->second;
    return otherwise.file.empty() && !given->second.empty() ? given->second.begin()->second : otherwise;
  }

  void finish_limit(const std::string& section, const LimitDraft& draft, Limit& limit, const Origin& where = {}) {
    if (broken_.contains(section)) return;
    limit = conf::finish(draft, [&](std::string_view setting, std::string what) {
      fault(origin_of(section, setting, where), fmt::format("[{}] {}", section, what));
    });
  }

  void finish_named_limit(const NamedDraft& named) {
    std::vector<std::string_view> missing;
    for (const auto& setting : settings_table()) {
      if (setting.section != any_limit || setting.presence != Presence::required) continue;
      const auto given = given_.find(named.section);
      if (given == given_.end() || !given->second.contains(setting.name)) missing.push_back(setting.name);
    }
    if (!missing.empty()) {
      std::string names;
      for (const auto name : missing) names.append(names.empty() ? "" : ", ").append(name);
      return fault(named.where, fmt::format("[{}] lacks {}", named.section, names));
    }
    finish_limit(named.section, named.draft, settings_.limits.emplace_back(), named.where);
  }

  void check_listeners() {
    std::vector<std::string> seen;
    const auto& server = settings_.server;
    for (const auto& listen : server.listen) seen.push_back(place_text(listen.endpoint));
    if (server.http) seen.push_back(place_text(*server.http));
    std::ranges::sort(seen);
    const auto twice =
        std::ranges::adjacent_find(seen, [](const auto& a, const auto& b) { return !a.empty() && a == b; });
    if (twice == seen.end()) return;
    const auto http = origin_of("server", "http", {});
    fault(origin_of("server", "listen", http), fmt::format("[server] {} is there twice among listen and http", *twice));
  }

  void check_pause() {
    const auto& pause = settings_.greet_pause.pause;
    const auto longest = longest_pause(settings_);
    if (broken_.contains("greet_pause") || broken_.contains("server") || pause <= longest) return;
    const auto answer_within = origin_of("server", "answer_within", {});
    fault(origin_of("greet_pause", "pause", answer_within),
          fmt::format("[greet_pause] pause = {} and [server] answer_within = {} are together not below 8s; make the "
                      "pause {} at most",
                      mxwarden::to_string(pause), mxwarden::to_string(settings_.server.answer_within),
                      mxwarden::to_string(longest)));
  }

  void check_sentinels() {
    const auto& redis = settings_.redis;
    if (broken_.contains("redis") || redis.sentinels.empty() == redis.master.empty()) return;
    if (redis.master.empty()) {
      fault(origin_of("redis", "sentinels", {}), "[redis] sentinels need a master; write what they call it");
    } else {
      fault(origin_of("redis", "master", {}), "[redis] master needs sentinels to say where it is; write them too");
    }
  }

  void check_tls() {
    const auto& redis = settings_.redis;
    const auto& tls = redis.tls;
    if (broken_.contains("redis")) return;
    if (tls.certificate.path.empty() != tls.key.path.empty()) {
      const bool no_key = tls.key.path.empty();
      fault(origin_of("redis", no_key ? "tls_cert_file" : "tls_key_file", {}),
            fmt::format("[redis] {}; write both or neither",
                        no_key ? "tls_cert_file needs a tls_key_file" : "tls_key_file needs a tls_cert_file"));
    }
    if (tls.on && redis.sentinels.empty() && std::holds_alternative<UnixEndpoint>(redis.address)) {
      fault(origin_of("redis", "tls", {}),
            "[redis] tls is for networks, and address is a unix socket; write inet:ADDRESS:PORT, or tls = no");
    }
    if (!tls.on) warn_of_spare_tls();
  }

  void warn_of_spare_tls() {
    const auto& tls = settings_.redis.tls;
    for (const auto& [name, value] :
         {std::pair("tls_ca_file", &tls.authorities.path), std::pair("tls_cert_file", &tls.certificate.path),
          std::pair("tls_name", &tls.name)}) {
      if (value->empty()) continue;
      report_.warnings.push_back({origin_of("redis", name, {}),
                                  fmt::format("[redis] {} has no effect with tls = no: nothing is encrypted", name)});
    }
  }

  // Empty for a port that the kernel chooses, which is another one each time.
  static std::string place_text(const Endpoint& endpoint) {
    if (const auto* unix_endpoint = std::get_if<UnixEndpoint>(&endpoint)) return "unix:" + unix_endpoint->path;
    return std::get<InetEndpoint>(endpoint).port == 0 ? std::string() : to_string(endpoint);
  }

  void fault(const Origin& where, std::string what) { report_.faults.push_back({where, std::move(what)}); }

  Report& report_;
  Settings settings_;
  std::vector<GivenDraft> given_limits_;
  std::deque<NamedDraft> limits_;
  std::map<std::string, Given, std::less<>> given_;
  Given broken_;  // sections with a value that could not be read
};

// `client_rate.limit`, `limit NAME.window` or `limit.NAME.window`.
void read_override(const Override& override_, std::vector<SettingLine>& lines, Report& report) {
  const Origin where{"--set " + override_.first, 0};
  const auto dot = override_.first.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == override_.first.size()) {
    report.faults.push_back({where, "write section.name=value"});
    return;
  }
  const auto value = trim(override_.second);
  if (!is_clean(value) || !is_clean(override_.first)) {
    report.faults.push_back({where, "there is a control character, or it is not valid UTF-8"});
    return;
  }
  // So that --print-config, whose output is such a file, can always say it.
  if (without_comment(value).size() != value.size()) {
    report.faults.push_back({where, "a `#' after a blank begins a comment in a file; it is not allowed here either"});
    return;
  }
  auto section = std::string(trim(override_.first.substr(0, dot)));
  if (section.starts_with("limit.")) section.replace(0, limit_prefix.size(), limit_prefix);
  lines.push_back({section, std::string(trim(override_.first.substr(dot + 1))), std::string(value), where});
}

void sort_by_line(std::vector<Fault>& faults) {
  const auto order = [](const Fault& fault) { return static_cast<unsigned>(fault.where.line - 1); };
  std::ranges::stable_sort(faults, std::less<>(), order);
}

}  // namespace

Duration longest_pause(const Settings& settings) {
  return std::chrono::seconds(8) - settings.server.answer_within - std::chrono::milliseconds(1);
}

Settings parse_settings(std::string_view text, const std::string& file, const std::vector<Override>& overrides,
                        Report& report) {
  Report own;
  const auto lines = read_lines(text, file, own);
  std::vector<SettingLine> override_lines;
  for (const auto& override_ : overrides) read_override(override_, override_lines, own);
  SettingsReader reader(own);
  reader.read_sections(lines.sections);
  reader.read_layer(lines.settings);
  reader.make_limits(override_lines);
  reader.read_layer(override_lines);
  auto settings = reader.finish();
  sort_by_line(own.faults);
  sort_by_line(own.warnings);
  report.faults.insert(report.faults.end(), own.faults.begin(), own.faults.end());
  report.warnings.insert(report.warnings.end(), own.warnings.begin(), own.warnings.end());
  return settings;
}

Settings load_settings(const std::string& file, bool optional, const std::vector<Override>& overrides, Report& report) {
  const auto content = read_file(file);
  if (content && *content) report.files.push_back(file);
  if (!content) {
    report.faults.push_back({{file, 0}, content.error().message});
  } else if (!*content && !optional) {
    report.faults.push_back({{file, 0}, "there is no such file"});
  }
  return parse_settings(content && *content ? std::string_view(**content) : std::string_view(), file, overrides,
                        report);
}

}  // namespace mxwarden::conf
