#include "cli/program.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ostream>
#include <utility>

#include "base/escape.hpp"
#include "cli/control_client.hpp"
#include "cli/explain.hpp"
#include "cli/members.hpp"
#include "cli/perimeter.hpp"
#include "cli/report.hpp"
#include "cli/tail.hpp"
#include "cli/top.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t protocol = 1;

std::string_view op_of(Verb verb) {
  switch (verb) {
    case Verb::status:
      return "status";
    case Verb::list:
      return "records.list";
    case Verb::add:
      return "records.add";
    case Verb::remove:
      return "records.remove";
    case Verb::explain:
      return "explain";
    case Verb::tail:
      return "decisions.follow";
    case Verb::top:
      return "top";
    case Verb::reload:
      break;
  }
  return "reload";
}

json::object top_request_of(const Invocation& invocation) {
  json::object request{{"op", "top"}, {"by", invocation.top_by}, {"most", invocation.most}};
  if (invocation.here) request["nodes"] = "this";
  if (invocation.since) request["since_ms"] = std::chrono::ceil<std::chrono::milliseconds>(*invocation.since).count();
  return request;
}

json::object request_of(const Invocation& invocation) {
  if (invocation.verb == Verb::top) return top_request_of(invocation);
  json::object request{{"op", op_of(invocation.verb)}};
  if (invocation.verb == Verb::status || invocation.verb == Verb::reload) return request;
  if (invocation.verb == Verb::explain) return explain_request(invocation);
  if (invocation.verb == Verb::tail) {
    for (const auto& [name, value] : invocation.filters) {
      request[name] = value.empty() ? json::value(true) : json::value(value);
    }
    return request;
  }
  request["kind"] = store::to_string(invocation.kind);
  if (invocation.net) request[invocation.verb == Verb::list ? "covers" : "net"] = invocation.net->to_string();
  if (invocation.time) request["for_ms"] = std::chrono::ceil<std::chrono::milliseconds>(*invocation.time).count();
  if (!invocation.reason.empty()) request["reason"] = invocation.reason;
  if (!invocation.list.empty()) request["list"] = invocation.list;
  if (!invocation.login.empty()) request["login"] = invocation.login;
  if (invocation.force) request["force"] = true;
  return request;
}

// What another release may have written otherwise is passed over.
void append_bans(const json::array& records, WallTime now, std::vector<PerimeterBan>& to) {
  for (const auto& record : records) {
    const auto* object = record.if_object();
    if (object == nullptr) continue;
    const auto net = Prefix::parse(text_of(*object, "net"));
    if (net) to.push_back({*net, time_until(number_of(*object, "until"), now)});
  }
}

// One command, from its request to what is said about the answer.
class Command {
 public:
  Command(const Invocation& invocation, const Clock& clock, const Terminal& terminal, ControlClient client)
      : invocation_(invocation), clock_(clock), terminal_(terminal), client_(std::move(client)) {}

  int run() {
    auto request = request_of(invocation_);
    if (!send(request)) return exit_unavailable;
    if (invocation_.verb == Verb::list) return list(std::move(request));
    if (invocation_.verb == Verb::top) return top(std::move(request));
    auto answer = receive();
    if (!answer) return exit_unavailable;
    if (!is_ok(*answer)) return refused(*answer);
    if (invocation_.verb == Verb::tail) return follow_decisions(client_, invocation_.json, terminal_);
    if (invocation_.json) print(*answer);
    return finish(*answer);
  }

 private:
  bool send(const json::object& request) { return !said(client_.send(json::serialize(request))); }

  template <class Value>
  bool said(const Result<Value>& result) const {
    if (result) return false;
    terminal_.err << "mxwarden: " << result.error().message << "\n";
    return true;
  }

  // The next answer; nothing, and it was said: there is none, or not one of ours.
  std::optional<json::object> receive() {
    const auto line = client_.receive();
    if (said(line)) return std::nullopt;
    json::error_code error;
    auto value = json::parse(*line, error);
    auto* answer = error ? nullptr : value.if_object();
    const auto* proto = answer == nullptr ? nullptr : answer->if_contains("proto");
    if (answer == nullptr || !answer->contains("ok") || (proto == nullptr && is_first_)) {
      terminal_.err << "mxwarden: who answers at " << printable(invocation_.control) << " is no mxwardend\n";
      return std::nullopt;
    }
    if (proto != nullptr && *proto != protocol) {
      terminal_.err << "mxwarden: mxwardend speaks protocol " << json::serialize(*proto) << ", this command "
                    << protocol << ": they are of different releases; restart mxwardend\n";
      return std::nullopt;
    }
    is_first_ = false;
    answer->erase("proto");
    return std::move(*answer);
  }

  static bool is_ok(const json::object& answer) { return answer.at("ok") == true; }

  void print(const json::object& object) const { terminal_.out << json::serialize(object) << "\n"; }

  // The daemon's sentence, which may have several lines.
  int refused(const json::object& answer) const {
    if (invocation_.json) print(answer);
    const auto* error = answer.if_contains("error");
    std::string_view rest =
        error != nullptr && error->is_string() ? std::string_view(error->get_string()) : "it says no";
    while (true) {
      const auto end = rest.find('\n');
      terminal_.err << "mxwarden: " << printable(rest.substr(0, end)) << "\n";
      if (end == std::string_view::npos) return exit_no;
      rest.remove_prefix(end + 1);
    }
  }

  // Of everything but a list; the machine has its answer already.
  int finish(const json::object& answer) const {
    const auto people = !invocation_.json;
    switch (invocation_.verb) {
      case Verb::status:
        if (people) terminal_.out << status_text(answer, terminal_.colours);
        return 0;
      case Verb::add:
        if (const auto* record = answer.if_contains("record"); people && record != nullptr && record->is_object()) {
          terminal_.out << record_text(record->get_object(), clock_.wall_now());
        }
        return 0;
      case Verb::remove:
        return removed(answer);
      case Verb::explain:
        if (people) terminal_.out << explanation_text(answer, terminal_.colours);
        return 0;
      default:
        return reloaded(answer);
    }
  }

  int reloaded(const json::object& answer) const {
    if (invocation_.json) return 0;
    terminal_.out << "reloaded\n";
    const auto* warnings = answer.if_contains("warnings");
    if (warnings == nullptr || !warnings->is_array()) return 0;
    for (const auto& warning : warnings->get_array()) {
      if (warning.is_string()) terminal_.err << "mxwarden: warning: " << printable(warning.get_string()) << "\n";
    }
    return 0;
  }

  int removed(const json::object& answer) const {
    // Of a client's listing its prefix, which the address was meant for.
    const auto* net = answer.if_contains("net");
    const auto what =
        fmt::format("{} of {}", store::to_string(invocation_.kind),
                    net != nullptr && net->is_string() ? printable(net->get_string()) : invocation_.net->to_string());
    const auto* removed = answer.if_contains("removed");
    if (removed == nullptr || *removed != true) {
      terminal_.err << "mxwarden: there is no " << what << "\n";
      return exit_no;
    }
    if (!invocation_.json) terminal_.out << "removed the " << what << "\n";
    return 0;
  }

  // Asks for page after page, each with where the last one says that it goes on as `member`; the next before this one
  // is printed: both ends have something to do.
  template <class Print>
  int pages(json::object request, std::string_view member, Print print) {
    for (bool more = true; more;) {
      auto answer = receive();
      if (!answer) return exit_unavailable;
      if (!is_ok(*answer)) return refused(*answer);
      const auto* next = answer->if_contains("next");
      more = next != nullptr;
      if (more) {
        request[member] = *next;
        if (const auto* list = answer->if_contains("list")) request["list"] = *list;
        if (!send(request)) return exit_unavailable;
      }
      print(*answer);
      if (!terminal_.out) return 0;  // nobody reads any more; main() says so
    }
    return 0;
  }

  // All pages first: a router is to get the whole of it, or nothing.
  int perimeter(json::object request) {
    const auto now = clock_.wall_now();
    std::vector<PerimeterBan> bans;
    const auto status = pages(std::move(request), "after", [&](const json::object& answer) {
      const auto* records = answer.if_contains("records");
      if (records != nullptr && records->is_array()) append_bans(records->get_array(), now, bans);
    });
    if (status == 0) terminal_.out << perimeter_text(*invocation_.format, std::move(bans));
    return status;
  }

  int list(json::object request) {
    if (invocation_.format) return perimeter(std::move(request));
    RecordTable table(invocation_.kind, clock_.wall_now(), terminal_.colours);
    bool any = false;
    const auto status = pages(std::move(request), "after", [&](const json::object& answer) {
      const auto* records = answer.if_contains("records");
      if (records == nullptr || !records->is_array()) return;
      any = any || !records->get_array().empty();
      print(records->get_array(), table);
    });
    if (status == 0 && !any && !invocation_.json) {
      terminal_.out << "no " << store::to_string(invocation_.kind) << "s\n";
    }
    return status;
  }

  // All pages first: what pages are of is kept for a minute, which a pager may take longer than.
  int top(json::object request) {
    TopTable table(*find_top_category(invocation_.top_by), terminal_.colours);
    std::string text;
    std::vector<std::string> warnings;
    const auto status = pages(std::move(request), "from", [&](const json::object& answer) {
      text += invocation_.json ? top_lines(answer) : table.page(answer);
      warnings = top_warnings(answer);
    });
    terminal_.out << text;
    for (const auto& warning : warnings) terminal_.err << "mxwarden: " << warning << "\n";
    return status;
  }

  void print(const json::array& records, RecordTable& table) const {
    if (!invocation_.json) {
      terminal_.out << table.page(records);
      return;
    }
    std::string lines;
    for (const auto& record : records) lines.append(json::serialize(record)).append("\n");
    terminal_.out << lines;
  }

  const Invocation& invocation_;
  const Clock& clock_;
  const Terminal& terminal_;
  ControlClient client_;
  bool is_first_ = true;  // the next answer, of its connection
};

// What the options do not say stands on standard input.
Result<void> read_request(Invocation& invocation, const Terminal& terminal) {
  if (invocation.verb != Verb::explain || !invocation.attributes.empty()) return {};
  if (terminal.in == nullptr) {
    return Error{
        "explain what? Give options, at least --client ADDR, or a request on standard input as Postfix sends it"};
  }
  auto attributes = read_attributes(*terminal.in);
  if (!attributes) return attributes.error();
  invocation.attributes = std::move(*attributes);
  return {};
}

int ask(const Invocation& invocation, const Clock& clock, const Terminal& terminal) {
  auto client = ControlClient::connect(invocation.control);
  if (!client) {
    terminal.err << "mxwarden: " << client.error().message << "\n";
    return exit_unavailable;
  }
  return Command(invocation, clock, terminal, std::move(*client)).run();
}

}  // namespace

int run(std::span<const std::string_view> words, const Clock& clock, const Terminal& terminal) {
  auto line = parse_command_line(words);
  if (auto* invocation = std::get_if<Invocation>(&line)) {
    if (const auto read = read_request(*invocation, terminal); !read) line = read.error();
  }
  if (const auto* information = std::get_if<Information>(&line)) {
    terminal.out << information->text;
    return 0;
  }
  if (const auto* error = std::get_if<Error>(&line)) {
    terminal.err << "mxwarden: " << error->message << "; see mxwarden --help\n";
    return exit_usage;
  }
  return ask(std::get<Invocation>(line), clock, terminal);
}

}  // namespace mxwarden::cli
