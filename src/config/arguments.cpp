// SPDX-License-Identifier: Apache-2.0
#include "config/arguments.hpp"

#include "config/commands.hpp"
#include "config/pointed_out.hpp"
#include "config/setting_names.hpp"
#include "config/settings.hpp"
#include "config/suggestion.hpp"
#include "config/text_list.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace onehop::config {
namespace {

using Values = std::vector<std::string>;

constexpr std::string_view kVariablePrefix = "ONEHOP_";

// The arguments as typed, before they are interpreted.
struct Typed {
  std::map<const Setting*, Values> values;
  std::set<std::string_view> command_flags;
  Values positional;
  bool help = false;
  bool version = false;
  bool print_configuration = false;  // --print-config, another spelling of `check --print`
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
  app.add_flag("--print-config", typed.print_configuration);
  for (const Setting& setting : settings()) {
    Values& values = typed.values[&setting];
    const auto store = [&values](const CLI::results_t& results) {
      values = results;
      return true;
    };
    if (setting.is_switch()) {
      // The value of a flag without one is "true". --insecure=off overrides ONEHOP_INSECURE.
      app.add_flag(named(setting))->each([&values](const std::string& value) { values = {value}; });
    } else {
      app.add_option(named(setting), store)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
  std::set<std::string_view> declared;
  for (const CommandFlag& flag : command_flags()) {
    if (!declared.insert(flag.name).second) continue;  // several commands may have the same flag
    app.add_flag("--" + std::string(flag.name))->each([&typed, &flag](const std::string&) {
      typed.command_flags.insert(flag.name);
    });
  }
}

Finding mistake(std::string message, std::string hint = {}) {
  return {
      .origin = {.source = Source::flag}, .message = std::move(message), .hint = std::move(hint)};
}

Finding unknown_flag(std::string_view argument) {
  const std::string_view flag = argument.substr(0, argument.find('='));
  std::vector<std::string> flags = {"--help", "--version"};
  for (const Setting& setting : settings())
    flags.push_back(flag_of(setting));
  for (const CommandFlag& known : command_flags())
    flags.push_back("--" + std::string(known.name));
  const std::vector<std::string_view> candidates(flags.begin(), flags.end());
  const std::string message = "unknown flag " + std::string(flag);
  if (flag.size() > 2) {
    if (const NameMeaning once = meaning_of(flag.substr(2)); once.setting != nullptr) {
      return mistake(message, "did you mean " + flag_of(*once.setting) + "?");
    }
    if (const auto meant = nearest(flag, candidates)) {
      return mistake(message, "did you mean " + std::string(*meant) + "?");
    }
  }
  return mistake(message, "`onehop help` lists them all");
}

// Rewrites a message of CLI11, which begins with the flag: "--workers: 1 required".
Finding without_value(std::string_view what) {
  const std::string flag(what.substr(0, what.find(':')));
  for (const Setting& setting : settings()) {
    if (flag == flag_of(setting)) {
      return mistake(flag + " needs a value: " + flag + " " + std::string(setting.placeholder));
    }
  }
  return mistake(std::string(what));
}

Typed parse(std::vector<std::string> arguments, Findings& findings) {
  Typed typed;
  CLI::App app;
  declare(app, typed);
  std::ranges::reverse(arguments);  // CLI11 reads arguments from the end
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    findings.push_back(without_value(error.what()));
  }
  for (const std::string& rest : app.remaining()) {
    if (rest.size() > 1 && rest.starts_with('-') && rest != "--") {
      findings.push_back(unknown_flag(rest));
    } else if (rest != "--") {
      typed.positional.push_back(rest);
    }
  }
  return typed;
}

Given given_by_flag(const Setting& setting, const Values& texts) {
  Given given{.origin = {.source = Source::flag, .name = flag_of(setting)}};
  for (const std::string& text : texts) {
    Values values = setting.splits_flags ? split_list(text, setting.list_separator) : Values();
    if (values.empty()) values = {text};
    for (std::string& value : values)
      given.values.push_back({.text = std::move(value), .origin = given.origin});
  }
  return given;
}

// Returns the values of the setting's variable; no values if the variable is not set.
Given given_by_variable(const Setting& setting, const Environment& environment) {
  Given given{.origin = {.source = Source::variable, .name = environment_of(setting)}};
  const auto variable = environment.find(given.origin.name);
  if (variable == environment.end()) return given;
  const std::string& text = variable->second;
  const bool is_unset = text.empty() && setting.name == kBackendSetting;
  if (setting.may_repeat()) {
    for (std::string& value : split_list(text, setting.list_separator))
      given.values.push_back({.text = std::move(value), .origin = given.origin});
  } else if (!is_unset) {
    given.values.push_back({.text = text, .origin = given.origin});
  }
  return given;
}

// Kubernetes describes each service to every container: for the service onehop-backend there are
// ONEHOP_BACKEND_SERVICE_HOST, ONEHOP_BACKEND_PORT=tcp://10.0.0.1:80, ONEHOP_BACKEND_PORT_80_TCP
// and so on. No setting has a name of that form.
bool describes_a_service(std::string_view name) {
  return name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") ||
         name.ends_with("_PORT") || name.find("_PORT_") != std::string_view::npos;
}

// Warns of variables whose names resemble that of a setting.
void warn_of_misspelt(const Environment& environment, Findings& findings) {
  std::vector<std::string> known;
  for (const Setting& setting : settings())
    known.push_back(environment_of(setting));
  for (const auto& [name, value] : environment) {
    if (std::ranges::find(known, name) != known.end() || describes_a_service(name)) continue;
    std::vector<std::string_view> candidates;
    for (const std::string& one : known)
      candidates.push_back(std::string_view(one).substr(kVariablePrefix.size()));
    const auto meant = nearest(std::string_view(name).substr(kVariablePrefix.size()), candidates);
    if (!meant) continue;
    findings.push_back(
        {.severity = Severity::warning,
         .origin = {.source = Source::variable},
         .message = "the environment variable " + name + " is not a setting",
         .hint = "did you mean " + std::string(kVariablePrefix) + std::string(*meant) + "?"});
  }
}

// Stores the BACKEND, which is the value of a setting given without its name.
void take_backend(Arguments& arguments, Findings& findings) {
  if (arguments.words.empty()) return;
  const Setting* setting = find_setting(kBackendSetting);
  const bool has_flag = arguments.given.contains(setting);
  // After an unknown flag the word may be the flag's value, so it is not reported.
  if (has_flag) {
    if (has_errors(findings)) return;
    findings.push_back(mistake("--backend and BACKEND are one setting: remove " +
                               in_quotes(arguments.words.back())));
    return;
  }
  const Origin origin{.source = Source::flag};
  Given& given = arguments.given[setting];
  given.origin = origin;
  for (const std::string& word : arguments.words)
    given.values.push_back({.text = word, .origin = origin});
}

void check_words(Arguments& arguments, Findings& findings) {
  switch (form_of(arguments.command)) {
    case CommandForm::serves:
      return take_backend(arguments, findings);
    case CommandForm::settings:
      if (arguments.words.empty()) return;
      findings.push_back(mistake(arguments.command == Command::demo
                                     ? "the demo has its own backend: remove " +
                                           in_quotes(arguments.words.front()) + ", or remove demo"
                                     : std::string(word_of(arguments.command)) +
                                           " takes no arguments: remove " +
                                           in_quotes(arguments.words.front())));
      return;
    case CommandForm::own_words:
    case CommandForm::alone:
      return;
  }
}

FlagUse use_of(Command command, std::string_view name) {
  const auto flag = std::ranges::find_if(command_flags(), [&](const CommandFlag& one) {
    return one.command == command && one.name == name;
  });
  return flag == command_flags().end() ? FlagUse::with_any : flag->use;
}

// Refuses conflicting flags, so that no flag is silently ignored.
void check_exclusive_flags(const Arguments& arguments, Findings& findings) {
  const std::set<std::string> flags(arguments.flags.begin(), arguments.flags.end());
  std::string output;
  for (const std::string& name : flags) {
    const FlagUse use = use_of(arguments.command, name);
    if (use == FlagUse::alone && flags.size() > 1) {
      findings.push_back(
          mistake("--" + name + " cannot be combined with another flag of its command"));
    }
    if (use != FlagUse::one_output) continue;
    if (!output.empty()) {
      findings.push_back(
          mistake("--" + output + " and --" + name + " print different things: use one of them"));
    }
    output = name;
  }
}

void check_flags(const Typed& typed, Arguments& arguments, Findings& findings) {
  for (const std::string_view name : typed.command_flags) {
    std::string owners;
    for (const CommandFlag& flag : command_flags()) {
      if (flag.name != name) continue;
      if (flag.command == arguments.command) arguments.flags.emplace_back(name);
      owners += (owners.empty() ? "" : " and ") + std::string(word_of(flag.command));
    }
    if (std::ranges::find(arguments.flags, name) != arguments.flags.end()) continue;
    findings.push_back(mistake("--" + std::string(name) + " is a flag of `onehop " + owners + "`"));
  }
}

void choose_command(const Typed& typed, Arguments& arguments) {
  arguments.words = typed.positional;
  const auto word =
      typed.positional.empty() ? std::nullopt : command_named(typed.positional.front());
  if (word) {
    arguments.command = *word;
    arguments.words.erase(arguments.words.begin());
  }
  if (typed.print_configuration) {
    arguments.command = Command::check;
    arguments.flags.emplace_back("print");
  }
  if (typed.version) arguments.command = Command::version;
  if (typed.help) arguments.command = Command::help;
}

}  // namespace

Arguments read_arguments(std::vector<std::string> typed_arguments, Findings& findings) {
  const Typed typed = parse(std::move(typed_arguments), findings);
  Arguments arguments;
  choose_command(typed, arguments);
  for (const auto& [setting, texts] : typed.values) {
    if (!texts.empty()) arguments.given.emplace(setting, given_by_flag(*setting, texts));
  }
  check_words(arguments, findings);
  check_flags(typed, arguments, findings);
  check_exclusive_flags(arguments, findings);
  return arguments;
}

GivenSettings read_environment(const Environment& environment, Findings& findings) {
  GivenSettings settings_given;
  for (const Setting& setting : settings()) {
    Given given = given_by_variable(setting, environment);
    if (!given.values.empty()) settings_given.emplace(&setting, std::move(given));
  }
  warn_of_misspelt(environment, findings);
  return settings_given;
}

}  // namespace onehop::config
