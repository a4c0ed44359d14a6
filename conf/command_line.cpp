// The only file that knows Program_options.

#include "conf/command_line.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <utility>

#include "base/log.hpp"
#include "conf/example_access.hpp"

namespace mxwarden::conf {
namespace {

namespace options = boost::program_options;
using Texts = std::vector<std::string>;

options::options_description visible_options(const Program& program) {
  options::options_description description("Options");
  auto add = description.add_options();
  add("config", options::value<std::string>()->value_name("FILE"),
      "read the settings from FILE (else /etc/mxwarden/mxwarden.conf if it is there, else the built-in defaults)");
  add("set", options::value<Texts>()->value_name("SECTION.KEY=VALUE"), "a setting that wins over the file; repeatable");
  add("check-config", "say what is wrong in the settings and the access table; exit 0 if nothing is, else 78");
  add("print-config", "print the settings in force as a configuration file");
  for (const auto& flag : program.flags) add(std::string(flag.name).c_str(), std::string(flag.help).c_str());
  add("version", "print the version");
  add("help", "print this");
  return description;
}

// What the files conf/mxwarden.conf and conf/access are made with.
options::options_description all_options(const Program& program) {
  options::options_description hidden;
  hidden.add_options()("print-example", options::value<std::string>())("operand", options::value<Texts>());
  return visible_options(program).add(hidden);
}

options::variables_map parse(const Program& program, int argc, const char* const* argv) {
  options::variables_map given;
  const auto description = all_options(program);
  options::positional_options_description operands;
  if (!program.operand.empty()) operands.add("operand", 1);
  // A prefix of an option is not guessed at.
  const int style = options::command_line_style::default_style & ~options::command_line_style::allow_guessing;
  const auto parsed =
      options::command_line_parser(argc, argv).options(description).positional(operands).style(style).run();
  // A file name without --config is more likely a mistake than meant to be ignored.
  for (const auto& option : parsed.options) {
    if (option.position_key >= (program.operand.empty() ? 0 : 1))
      throw options::error("`" + option.value.front() + "' is not an option");
  }
  options::store(parsed, given);
  options::notify(given);
  return given;
}

bool read_source(const options::variables_map& given, ConfigurationSource& source, std::ostream& err) {
  if (given.contains("config")) {
    source.file = given["config"].as<std::string>();
    source.optional = false;
  }
  if (!given.contains("set")) return true;
  for (const auto& text : given["set"].as<Texts>()) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      err << "--set " << text << ": write --set section.key=value\n";
      return false;
    }
    source.overrides.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return true;
}

int print_example(const std::string& which, std::ostream& out, std::ostream& err) {
  if (which == "conf") {
    out << example_settings();
  } else if (which == "access") {
    out << example_access();
  } else {
    err << "--print-example takes conf or access\n";
    return exit_usage;
  }
  return 0;
}

void print_help(const Program& program, std::ostream& out) {
  out << "Usage: " << program.name << " [OPTION]..." << (program.operand.empty() ? "" : " ") << program.operand << "\n"
      << program.purpose << "\n\n"
      << visible_options(program);
}

std::variant<Started, int> start_with(const Program& program, const options::variables_map& given, std::ostream& out,
                                      std::ostream& err) {
  Started started;
  started.source.uses_store = program.uses_store;
  for (const auto& flag : program.flags) {
    if (given.contains(std::string(flag.name))) started.flags.emplace_back(flag.name);
  }
  if (given.contains("operand")) started.operand = given["operand"].as<Texts>().front();
  if (!read_source(given, started.source, err)) return exit_usage;
  started.configuration = load_configuration(started.source, started.report);
  if (program.check != nullptr && started.report.faults.empty()) {
    program.check(started.configuration.settings, started.report);
  }
  if (!started.report.faults.empty()) {
    print_report(started.report, err);
    return exit_configuration;
  }
  require_files(started.source, started.configuration, started.report);
  if (given.contains("check-config")) {
    if (program.ask_others != nullptr) program.ask_others(started.configuration.settings, started.report);
    print_report(started.report, err);
    out << "The configuration is fine.\n";
    return 0;
  }
  if (given.contains("print-config")) {
    print_report(started.report, err);
    out << print_settings(started.configuration.settings);
    return 0;
  }
  return started;
}

}  // namespace

std::variant<Started, int> start(const Program& program, int argc, const char* const* argv, std::ostream& out,
                                 std::ostream& err) {
  options::variables_map given;
  try {
    given = parse(program, argc, argv);
  } catch (const options::error& error) {
    // Program_options reports by exceptions; here they end.
    err << program.name << ": " << error.what() << "; see " << program.name << " --help\n";
    return exit_usage;
  }
  if (given.contains("help")) {
    print_help(program, out);
    return 0;
  }
  if (given.contains("version")) {
    out << program.name << " " << MXWARDEN_VERSION << "\n";
    return 0;
  }
  if (given.contains("print-example")) return print_example(given["print-example"].as<std::string>(), out, err);
  return start_with(program, given, out, err);
}

bool start_log(const Program& program, const Settings& settings, const Report& report) {
  if (const auto logging = log::start(program.name, settings.log.target, settings.log.level); !logging) {
    log::error(logging.error().message);
    return false;
  }
  for (const auto& warning : report.warnings) log::warn(warning.to_string());
  return true;
}

int run(const Program& program, int argc, const char* const* argv, int (*serve)(Started)) {
  auto started = start(program, argc, argv, std::cout, std::cerr);
  if (const auto* status = std::get_if<int>(&started)) return *status;
  auto status = exit_software;
  try {
    status = serve(std::move(std::get<Started>(started)));
  } catch (const std::exception& exception) {
    log::error(std::string("cannot go on: ") + exception.what());
  }
  log::stop();
  return status;
}

}  // namespace mxwarden::conf
