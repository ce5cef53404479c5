// SPDX-License-Identifier: Apache-2.0
#include "config/completion.hpp"

#include "config/commands.hpp"
#include "config/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

namespace onehop::config {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kLevels = "debug|info|warning|error";
constexpr std::array<std::string_view, 3> kFiles = {"FILE", "CERT", "KEY"};

// The words that may follow a flag or a command, taken from its placeholder, such as
// "stdout|FILE|syslog".
struct Choices {
  Words words = {};
  bool are_files_allowed = false;

  bool are_none() const { return words.empty() && !are_files_allowed; }
};

// A word in lower case stands for itself.
bool is_literal(std::string_view word) {
  return std::ranges::all_of(
      word, [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0; });
}

Choices choices_of(std::string_view placeholder) {
  Choices choices;
  if (placeholder == "LEVEL") placeholder = kLevels;
  placeholder = placeholder.substr(0, placeholder.find(" ["));
  while (!placeholder.empty()) {
    const std::size_t end = std::min(placeholder.find('|'), placeholder.size());
    const std::string_view word = placeholder.substr(0, end);
    if (is_literal(word)) {
      choices.words.emplace_back(word);
    } else if (std::ranges::find(kFiles, word) != kFiles.end()) {
      choices.are_files_allowed = true;
    }
    placeholder.remove_prefix(std::min(end + 1, placeholder.size()));
  }
  return choices;
}

bool reads_settings(const CommandRow& row) {
  return row.form != CommandForm::alone;
}

std::string joined(const Words& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words)
    text.append(text.empty() ? std::string_view() : separator).append(word);
  return text;
}

// Returns "--listen" and "-l", for the pattern of a `case`.
Words names_of(const Setting& setting) {
  Words names = {flag_of(setting)};
  if (setting.letter != 0) names.push_back(std::string("-") + setting.letter);
  return names;
}

Words flags_of(const CommandRow& row) {
  Words flags;
  for (const CommandFlag& flag : command_flags()) {
    if (flag.command == row.command) flags.push_back("--" + std::string(flag.name));
  }
  return flags;
}

// Escapes each character of `special` with a backslash. The text is within single quotes, so a
// single quote is written outside of them.
std::string escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return result;
}

// --- bash ---

std::string bash_values() {
  Words free;
  Words files;
  std::string text;
  for (const Setting& setting : settings()) {
    if (setting.is_switch()) continue;
    const Choices choices = choices_of(setting.placeholder);
    const Words names = names_of(setting);
    if (choices.are_none()) {
      free.insert(free.end(), names.begin(), names.end());
    } else if (choices.words.empty()) {
      files.insert(files.end(), names.begin(), names.end());
    } else {
      text += "    " + joined(names, "|") + ") _onehop_offer '" + joined(choices.words, " ") + "'" +
              (choices.are_files_allowed ? " files" : "") + "; return ;;\n";
    }
  }
  return text + "    " + joined(files, "|") + ") _onehop_offer '' files; return ;;\n    " +
         joined(free, "|") + ") return ;;\n";
}

Words flags_with_values() {
  Words flags;
  for (const Setting& setting : settings()) {
    if (setting.is_switch()) continue;
    const Words names = names_of(setting);
    flags.insert(flags.end(), names.begin(), names.end());
  }
  return flags;
}

std::string bash_commands() {
  std::string text;
  for (const CommandRow& row : commands()) {
    text += "    " + std::string(row.word) + ") flags='" + joined(flags_of(row), " ") + "'" +
            (reads_settings(row) ? "\" $settings\"" : "");
    const Choices choices = choices_of(row.usage);
    if (!choices.are_none()) text += " words='" + joined(choices.words, " ") + "'";
    text += " ;;\n";
  }
  return text;
}

std::string bash_script() {
  Words all_flags = {"--help", "--version"};
  for (const Setting& setting : settings())
    all_flags.push_back(flag_of(setting));
  Words all_commands;
  for (const CommandRow& row : commands())
    all_commands.emplace_back(row.word);
  return R"(# Completion of onehop for bash, written by `onehop completion bash`.

# Offers words and, with a second argument, files.
_onehop_offer() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
  if [[ $# -gt 1 ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
  fi
}

_onehop() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local command='' words='' flags i
  local settings=')" +
         joined(all_flags, " ") + R"('
  COMPREPLY=()
  # bash makes three words of --workers=4.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $before == '=' ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $before in
)" + bash_values() +
         R"(  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      =) ((i++)) ;;
      )" +
         joined(flags_with_values(), "|") +
         R"() [[ ${COMP_WORDS[i + 1]} == '=' ]] || ((i++)) ;;
      -*) ;;
      *) command=${COMP_WORDS[i]}; break ;;
    esac
  done
  flags=$settings
  case $command in
    '') words=')" +
         joined(all_commands, " ") + "' ;;\n" + bash_commands() + R"(  esac
  if [[ $current == -* ]]; then
    _onehop_offer "$flags"
  else
    _onehop_offer "$words"
  fi
}

complete -F _onehop onehop
)";
}

// --- zsh ---

std::string zsh_action(std::string_view placeholder) {
  const Choices choices = choices_of(placeholder);
  const std::string words = joined(choices.words, " ");
  if (choices.are_none()) return " ";
  if (choices.words.empty()) return "_files";
  if (!choices.are_files_allowed) return "(" + words + ")";
  return "{compadd -- " + words + "; _files}";
}

std::string zsh_spec(std::string_view flag, std::string_view help) {
  return std::string(flag) + "[" + escaped(help, "[]\\:") + "]";
}

// Returns the settings in the syntax of _arguments: '*--listen=[where]:ADDR: '.
std::string zsh_settings() {
  std::string text;
  for (const Setting& setting : settings()) {
    const std::string star = setting.may_repeat() ? "*" : "";
    const std::string value = setting.is_switch() ? std::string()
                                                  : ":" + escaped(setting.placeholder, ":") + ":" +
                                                        zsh_action(setting.placeholder);
    const auto line = [&](const std::string& flag) {
      text += "    '" + star + zsh_spec(flag, setting.help) + value + "'\n";
    };
    line(flag_of(setting) + (setting.is_switch() ? "" : "="));
    if (setting.letter != 0) line(std::string("-") + setting.letter + (value.empty() ? "" : "+"));
  }
  return text;
}

std::string zsh_commands() {
  std::string text;
  for (const CommandRow& row : commands())
    text += "    '" + std::string(row.word) + ":" + escaped(row.help, "") + "'\n";
  return text;
}

std::string zsh_cases() {
  std::string text;
  for (const CommandRow& row : commands()) {
    text += "    " + std::string(row.word) + ")\n";
    if (!reads_settings(row)) text += "      settings=()\n";
    for (const CommandFlag& flag : command_flags()) {
      if (flag.command != row.command) continue;
      text += "      settings+=('" + zsh_spec("--" + std::string(flag.name), flag.help) + "')\n";
    }
    const Choices choices = choices_of(row.usage);
    if (!choices.are_none()) text += "      rest=(" + joined(choices.words, " ") + ")\n";
    text += "      ;;\n";
  }
  return text;
}

std::string zsh_script() {
  Words all_commands;
  for (const CommandRow& row : commands())
    all_commands.emplace_back(row.word);
  return R"(#compdef onehop
# Completion of onehop for zsh, written by `onehop completion zsh`.
local -a settings commands rest
local state line
settings=(
)" + zsh_settings() +
         R"(    '(-)'{-h,--help}'[list all settings]'
    '(-)'{-V,--version}'[print the version]'
)
commands=(
)" + zsh_commands() +
         R"()
case ${words[(r)()" +
         joined(all_commands, "|") + R"()]} in
)" + zsh_cases() +
         R"(esac
_arguments -S $settings '1:command:->command' '*:word:->rest' && return
case $state in
  command) _describe -t commands command commands ;;
  rest) (( $#rest )) && compadd -- $rest ;;
esac
)";
}

// --- fish ---

std::string fish_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string fish_values(std::string_view placeholder) {
  const Choices choices = choices_of(placeholder);
  std::string text = choices.are_files_allowed ? " -r -F" : " -x";
  if (!choices.words.empty()) text += " -a " + fish_quoted(joined(choices.words, " "));
  return text;
}

std::string fish_script() {
  const std::string begin = "complete -c onehop";
  std::string text =
      "# Completion of onehop for fish, written by `onehop completion fish`.\n" + begin + " -f\n";
  for (const CommandRow& row : commands()) {
    const std::string word(row.word);
    text += begin + " -n __fish_use_subcommand -a " + word + " -d " + fish_quoted(row.help) + "\n";
    const std::string within = begin + " -n " + fish_quoted("__fish_seen_subcommand_from " + word);
    for (const CommandFlag& flag : command_flags()) {
      if (flag.command != row.command) continue;
      text += within + " -l " + std::string(flag.name) + " -d " + fish_quoted(flag.help) + "\n";
    }
    if (const Choices choices = choices_of(row.usage); !choices.are_none()) {
      text += within + " -a " + fish_quoted(joined(choices.words, " ")) + "\n";
    }
  }
  for (const Setting& setting : settings()) {
    text += begin + " -l " + std::string(setting.name);
    if (setting.letter != 0) text += std::string(" -s ") + setting.letter;
    if (!setting.is_switch()) text += fish_values(setting.placeholder);
    text += " -d " + fish_quoted(setting.help) + "\n";
  }
  return text;
}

}  // namespace

std::optional<std::string> completion(std::string_view shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  return std::nullopt;
}

}  // namespace onehop::config
