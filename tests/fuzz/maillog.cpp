// The lines of a mail log: whatever they hold, an event says what stands in its line, of a client that the line names
// (or that the lines before have named, of a message), and only a refusal with our mark in it is one of ours.
//
// Input: lines; what begins with `<' is a datagram. All recognisers are on, with texts of [maillog].

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <set>

#include "maillog/recognise/recogniser.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;
using policy::EventKind;
using policy::MailEvent;

namespace {

void require(bool condition, std::string_view what, std::string_view line) {
  if (condition) return;
  std::cerr << what << ": " << line << '\n';
  std::abort();
}

conf::Settings::Maillog settings() {
  conf::Settings::Maillog settings;
  settings.recognise = {"postfix", "dovecot", "courier", "cyrus", "uw", "qpopper", "vm-pop3d"};
  settings.helo_forged_texts = {"Forged HELO"};
  settings.sender_forged_texts = {"Forged sender"};
  settings.spam_trap_texts = {"This is a trap"};
  return settings;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_left_of(std::string_view text, std::string_view part) {
  for (const char c : part) {
    const auto at = text.find(c);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + 1);
  }
  return true;
}

// `part` is what is left of `text` when some of it is taken away: quotes, and what stands between a name and its
// domain, which has become an `@`.
bool contains_in_order(std::string_view text, std::string_view part) {
  if (is_left_of(text, part)) return true;
  for (auto joint = part.find('@'); joint != std::string_view::npos; joint = part.find('@', joint + 1)) {
    if (is_left_of(text, std::string(part).erase(joint, 1))) return true;
  }
  return false;
}

// All that could be an address there.
void add_addresses(std::string_view line, std::set<Address>& addresses) {
  constexpr std::string_view letters = "0123456789abcdefABCDEF:.";
  while (!line.empty()) {
    const auto begin = std::min(line.find_first_of(letters), line.size());
    line.remove_prefix(begin);
    const auto word = line.substr(0, std::min(line.find_first_not_of(letters), line.size()));
    for (const auto text : {word, word.substr(std::min<std::size_t>(2, word.size()))}) {  // behind `IPv6:'
      if (const auto address = Address::parse(text)) addresses.insert(*address);
    }
    line.remove_prefix(word.size());
  }
}

bool is_of_a_message(EventKind kind) {
  return kind == EventKind::header_reject || kind == EventKind::body_reject || kind == EventKind::recipient_accepted;
}

class Log {
 public:
  void see(std::string_view text) {
    constexpr WallTime read_at{std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)};
    ++position_;
    all_.append(text).append("\n");
    add_addresses(text, named_);
    const auto line = text.starts_with('<') ? parser_.parse_datagram(text, read_at) : parser_.parse(text, read_at);
    if (!line) return;
    require(!line->program.empty(), "a line of no program", text);
    require(contains(text, line->program) && contains(text, line->text), "a line of another one", text);
    check(recogniser_.see(*line, position_), *line, text);
  }

 private:
  void check(const Recognised& recognised, const LogLine& line, std::string_view text) {
    using What = Recognised::What;
    require((recognised.what == What::event) == recognised.event.has_value(), "an event, or none", text);
    if (recognised.what == What::ours) {
      require(line.program.starts_with("postfix") && contains(line.text, " [mxw:"), "a refusal of somebody else", text);
    }
    if (!recognised.event) return;
    require(!recognised.recogniser.empty(), "an event of nobody", text);
    require(recognised.event->position == position_ && recognised.event->time == line.time, "another line's", text);
    check_client(*recognised.event, line.text, text);
    check_texts(*recognised.event, text);
  }

  void check_client(const MailEvent& event, std::string_view said, std::string_view text) {
    if (!event.client) return require(is_of_a_message(event.kind), "an event of no client", text);
    std::set<Address> addresses;
    add_addresses(said, addresses);
    const auto& named = is_of_a_message(event.kind) ? named_ : addresses;
    require(named.contains(*event.client), "a client that nobody has named", text);
    require(event.client_name.empty() || contains(all_, event.client_name), "a name that is nobody's", text);
    if (!is_of_a_message(event.kind)) require(contains(text, event.client_name), "a name of another line", text);
  }

  static void check_texts(const MailEvent& event, std::string_view text) {
    for (const auto& part : {event.reason, event.list, event.helo}) {
      require(contains(text, part), "a text that the line does not hold", text);
    }
    for (const auto& part : {event.sender, event.recipient, event.login}) {
      require(contains_in_order(text, part), "an address that the line does not hold", text);
    }
    require(policy::to_text(event).size() > 2, "an event without a text", text);
  }

  LineParser parser_;
  Recogniser recogniser_{settings()};
  std::uint64_t position_ = 0;
  std::string all_;
  std::set<Address> named_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Log log;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    log.see(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return 0;
}
