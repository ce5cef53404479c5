// SPDX-License-Identifier: Apache-2.0
#include "program/command_line.hpp"

#include "program/backend_url.hpp"
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

// What was typed, before anything is interpreted.
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
  app.add_flag("--version", typed.version);
  for (const Setting& setting : settings()) {
    Values& values = typed.values[&setting];
    const auto store = [&values](const CLI::results_t& results) {
      values = results;
      return true;
    };
    if (setting.is_switch()) {
      app.add_flag_callback(named(setting), [&values] { values = {"on"}; });
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
  std::string message = "unknown flag " + std::string(flag);
  if (const auto meant = flag.size() > 2 ? nearest(flag, candidates) : std::nullopt) {
    return message + "; did you mean " + std::string(*meant) + "?";
  }
  return message + "; `onehop help` lists them all";
}

// CLI11 puts the flag in front of what it has to say about it: "--workers: 1 required".
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

// Empty when all went well.
std::string read_arguments(std::vector<std::string> arguments, Typed& typed) {
  CLI::App app;
  declare(app, typed);
  std::ranges::reverse(arguments);  // CLI11 takes them from the back
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

Values from_environment(const Setting& setting, const Environment& environment) {
  const char* const text = environment(environment_of(setting).c_str());
  if (text == nullptr) return {};
  if (!setting.may_repeat()) return {text};
  Values values;
  std::istringstream list(text);
  for (std::string value; std::getline(list, value, setting.list_separator);) {
    if (!value.empty()) values.push_back(value);
  }
  return values;
}

// Empty when all went well.
std::string apply_settings(const Typed& typed,
                           const Environment& environment,
                           Configuration& configuration) {
  for (const auto& [setting, given] : typed.values) {
    const bool is_flag = !given.empty();
    const Values values = is_flag ? given : from_environment(*setting, environment);
    if (values.empty()) continue;
    const std::string name = is_flag ? flag_of(*setting) : environment_of(*setting);
    if (values.size() > 1 && !setting->may_repeat()) return name + " was given more than once";
    if (const Problem problem = setting->set(configuration, values)) return name + ": " + *problem;
  }
  return {};
}

bool was_given(std::string_view name, const Typed& typed, const Environment& environment) {
  return std::ranges::any_of(typed.values, [&](const auto& each) {
    const auto& [setting, values] = each;
    if (setting->name != name) return false;
    return !values.empty() || !from_environment(*setting, environment).empty();
  });
}

std::optional<Command> command_named(std::string_view word) {
  if (word == "demo") return Command::demo;
  if (word == "version") return Command::version;
  if (word == "help") return Command::help;
  return std::nullopt;
}

// The demo is for this machine only, and has streams that never end by themselves.
void set_demo_defaults(Configuration& configuration) {
  configuration.listen = Configuration::demo_listen();
  configuration.drain_timeout = std::chrono::seconds(1);
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
  if (word.empty()) {
    return refused(
        "the BACKEND is missing: say where requests go, as in\n"
        "    onehop http://localhost:8000     (or `onehop demo`; `onehop help` has more)");
  }
  if (typed.positional.size() > 1) {
    return refused("one BACKEND is enough; what is '" + typed.positional[1] + "'?");
  }
  if (configuration.command == Command::demo) {
    set_demo_defaults(configuration);
  } else {
    auto backend = parse_backend_url(word);
    if (!backend) return refused(backend.error());
    configuration.backend = std::move(*backend);
  }
  std::string problem = apply_settings(typed, environment, configuration);
  if (problem.empty()) {
    problem = apply_tls_flags(configuration, was_given("listen", typed, environment));
  }
  if (!problem.empty()) return refused(std::move(problem));
  return configuration;
}

}  // namespace onehop::program
