// SPDX-License-Identifier: Apache-2.0
#include "program/command_line.hpp"

#include "program/backend_url.hpp"
#include "program/contradictions.hpp"
#include "program/listeners.hpp"
#include "program/pointed_out.hpp"
#include "program/settings.hpp"
#include "program/suggestion.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace onehop::program {
namespace {

using Values = std::vector<std::string>;

constexpr std::string_view kPrefix = "ONEHOP_";
constexpr const char* kBackendVariable = "ONEHOP_BACKEND";

// The arguments as typed, before they are interpreted.
struct Typed {
  std::map<const Setting*, Values> values;
  Values positional;
  bool help = false;
  bool version = false;
};

std::string named(const Setting& setting) {
  std::string names = flag_of(setting);
  if (setting.letter != 0) names = std::string("-") + setting.letter + "," + names;
  return names;
}

void declare(CLI::App& app, Typed& typed) {
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("-h,--help", typed.help);
  app.add_flag("-V,--version", typed.version);
  for (const Setting& setting : settings()) {
    Values& values = typed.values[&setting];
    const auto store = [&values](const CLI::results_t& results) {
      values = results;
      return true;
    };
    if (setting.is_switch()) {
      // Its value is "true" unless one is given: --insecure=off overrides ONEHOP_INSECURE.
      app.add_flag(named(setting))->each([&values](const std::string& value) { values = {value}; });
    } else {
      app.add_option(named(setting), store)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
}

std::string unknown_flag(std::string_view argument) {
  const std::string_view flag = argument.substr(0, argument.find('='));
  std::vector<std::string> flags = {"--help", "--version"};
  for (const Setting& setting : settings())
    flags.push_back(flag_of(setting));
  const std::vector<std::string_view> candidates(flags.begin(), flags.end());
  const std::string message = "unknown flag " + std::string(flag);
  if (const auto meant = flag.size() > 2 ? nearest(flag, candidates) : std::nullopt) {
    return message + did_you_mean(*meant);
  }
  return message + "; `onehop help` lists them all";
}

// CLI11 begins its messages with the flag: "--workers: 1 required".
std::string without_value(std::string_view what) {
  const std::string_view flag = what.substr(0, what.find(':'));
  for (const Setting& setting : settings()) {
    if (flag == flag_of(setting)) {
      return std::string(flag) + " needs a value: " + std::string(flag) + " " +
             std::string(setting.placeholder);
    }
  }
  return std::string(what);
}

// Returns "" on success.
std::string read_arguments(std::vector<std::string> arguments, Typed& typed) {
  CLI::App app;
  declare(app, typed);
  std::ranges::reverse(arguments);  // CLI11 reads them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return without_value(error.what());
  }
  for (const std::string& rest : app.remaining()) {
    if (rest.size() > 1 && rest.starts_with('-') && rest != "--") return unknown_flag(rest);
    if (rest != "--") typed.positional.push_back(rest);
  }
  return {};
}

// "10.0.0.0/8, ::1" is two values. Empty values are skipped.
Values split_list(const std::string& text, char separator) {
  Values values;
  std::istringstream list(text);
  for (std::string value; std::getline(list, value, separator);) {
    const auto first = value.find_first_not_of(" \t");
    if (first == std::string::npos) continue;
    values.push_back(value.substr(first, value.find_last_not_of(" \t") - first + 1));
  }
  return values;
}

// The values of a setting as given, and their source.
struct Given {
  std::string name;  // "--listen", "ONEHOP_LISTEN"
  Values values;     // empty: not given
};

Given given_for(const Setting& setting, const Values& typed, const Environment& environment) {
  if (!typed.empty()) {
    Given given{flag_of(setting), {}};
    for (const std::string& text : typed) {
      Values values = setting.splits_flags ? split_list(text, setting.list_separator) : Values();
      if (values.empty()) values = {text};
      given.values.insert(given.values.end(), values.begin(), values.end());
    }
    return given;
  }
  Given given{environment_of(setting), {}};
  const auto variable = environment.find(given.name);
  if (variable == environment.end()) return given;
  if (!setting.may_repeat()) {
    given.values = {variable->second};
  } else {
    given.values = split_list(variable->second, setting.list_separator);
  }
  return given;
}

// Returns "" on success.
std::string apply_settings(const Typed& typed,
                           const Environment& environment,
                           Configuration& configuration) {
  for (const auto& [setting, texts] : typed.values) {
    const auto [name, values] = given_for(*setting, texts, environment);
    if (values.empty()) continue;
    if (values.size() > 1 && !setting->may_repeat()) return name + " was given more than once";
    if (const Problem problem = setting->set(configuration, values)) return name + ": " + *problem;
  }
  return {};
}

bool was_given(std::string_view name, const Typed& typed, const Environment& environment) {
  return std::ranges::any_of(typed.values, [&](const auto& each) {
    const auto& [setting, values] = each;
    if (setting->name != name) return false;
    return !given_for(*setting, values, environment).values.empty();
  });
}

// Kubernetes describes each service to every container: for the service onehop-backend there are
// ONEHOP_BACKEND_SERVICE_HOST, ONEHOP_BACKEND_PORT=tcp://10.0.0.1:80, ONEHOP_BACKEND_PORT_80_TCP
// and so on. No setting has a name of that form.
bool describes_a_service(std::string_view name) {
  return name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") ||
         name.ends_with("_PORT") || name.find("_PORT_") != std::string_view::npos;
}

// Variables whose names are close to that of a setting.
Values misspelt_variables(const Environment& environment) {
  std::vector<std::string> known = {kBackendVariable};
  for (const Setting& setting : settings())
    known.push_back(environment_of(setting));
  Values warnings;
  for (const auto& [name, value] : environment) {
    if (std::ranges::find(known, name) != known.end() || describes_a_service(name)) continue;
    std::vector<std::string_view> candidates;
    for (const std::string& one : known)
      candidates.push_back(std::string_view(one).substr(kPrefix.size()));
    const auto meant = nearest(std::string_view(name).substr(kPrefix.size()), candidates);
    if (!meant) continue;
    warnings.push_back("the environment variable " + name + " is not a setting" +
                       did_you_mean(std::string(kPrefix) + std::string(*meant)));
  }
  return warnings;
}

std::optional<Command> command_named(std::string_view word) {
  if (word == "demo") return Command::demo;
  if (word == "version") return Command::version;
  if (word == "help") return Command::help;
  return std::nullopt;
}

// The demo serves this machine only, and has endless streams.
void set_demo_defaults(Configuration& configuration) {
  configuration.listen = Configuration::demo_listen();
  configuration.drain_timeout = std::chrono::seconds(1);
}

// The BACKEND, and its name in an error message; "" for the argument.
struct Backend {
  std::string text;
  std::string from;
};

Parsed<Backend> find_backend(const Typed& typed, const Environment& environment) {
  if (typed.positional.size() > 1) {
    const std::string& extra = typed.positional[1];
    if (command_named(typed.positional.front()) == Command::demo) {
      return refused("the demo has its own backend: remove " + in_quotes(extra) +
                     ", or remove demo");
    }
    return refused("only one BACKEND is allowed: remove " + in_quotes(extra));
  }
  if (!typed.positional.empty()) return Backend{typed.positional.front(), {}};
  const auto variable = environment.find(kBackendVariable);
  if (variable != environment.end() && !variable->second.empty()) {
    return Backend{variable->second, std::string(kBackendVariable) + ": "};
  }
  std::string why =
      "the BACKEND is missing: add the URL that requests go to, as in\n"
      "    onehop http://localhost:8000     (or `onehop demo`; `onehop help` has more)";
  // One of them may be the cause.
  for (const std::string& warning : misspelt_variables(environment))
    why += "\n" + warning;
  return refused(std::move(why));
}

// Checks all settings together. Returns "" on success.
std::string finish(const Typed& typed,
                   const Environment& environment,
                   Configuration& configuration) {
  std::string problem = apply_settings(typed, environment, configuration);
  if (problem.empty()) {
    problem = apply_tls_flags(configuration.tls, configuration.backend.scheme(),
                              configuration.server, configuration.transport);
  }
  if (problem.empty()) {
    problem = apply_listeners(configuration, was_given("listen", typed, environment));
  }
  if (problem.empty()) {
    problem = find_contradiction(
        configuration, [&](std::string_view name) { return was_given(name, typed, environment); });
  }
  return problem;
}

}  // namespace

Parsed<Configuration> parse_command_line(std::vector<std::string> arguments,
                                         const Environment& environment) {
  Typed typed;
  if (std::string problem = read_arguments(std::move(arguments), typed); !problem.empty()) {
    return refused(problem);
  }
  Configuration configuration;
  const std::string word = typed.positional.empty() ? std::string() : typed.positional.front();
  configuration.command = command_named(word).value_or(Command::proxy);
  if (typed.version) configuration.command = Command::version;
  if (typed.help) configuration.command = Command::help;
  if (configuration.command == Command::help || configuration.command == Command::version) {
    return configuration;
  }
  const auto given = find_backend(typed, environment);
  if (!given) return refused(given.error());
  if (configuration.command == Command::demo) {
    set_demo_defaults(configuration);
  } else {
    auto backend = parse_backend_url(given->text);
    if (!backend) return refused(given->from + backend.error());
    configuration.backend = std::move(*backend);
  }
  if (std::string problem = finish(typed, environment, configuration); !problem.empty()) {
    return refused(std::move(problem));
  }
  configuration.warnings = misspelt_variables(environment);
  return configuration;
}

}  // namespace onehop::program
