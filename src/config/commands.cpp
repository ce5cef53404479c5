// SPDX-License-Identifier: Apache-2.0
#include "config/commands.hpp"

#include <algorithm>
#include <array>

namespace onehop::config {
namespace {

constexpr std::array kCommands = {
    CommandRow{Command::demo, "demo", CommandForm::settings, "[flags]",
               "the proxy in front of a small built-in backend"},
    CommandRow{Command::check, "check", CommandForm::serves, "[flags] BACKEND",
               "find every mistake in flags, variables and files"},
    CommandRow{Command::status, "status", CommandForm::own_words, "", "what a running onehop does"},
    CommandRow{Command::reload, "reload", CommandForm::own_words, "",
               "make it read its configuration again; prints what is wrong"},
    CommandRow{Command::upgrade, "upgrade", CommandForm::own_words, "",
               "start the installed program in its place; no connection is lost"},
    CommandRow{Command::drain, "drain", CommandForm::own_words, "",
               "make it finish its requests and end, as TERM does"},
    CommandRow{Command::stop, "stop", CommandForm::own_words, "", "make it end immediately"},
    CommandRow{Command::log_level, "log-level", CommandForm::own_words, "LEVEL",
               "make it log from debug, info, warning or error on"},
    CommandRow{Command::acme, "acme", CommandForm::own_words, "list|renew|revoke [NAME]",
               "show, replace or revoke the certificates of --state"},
    CommandRow{Command::completion, "completion", CommandForm::alone, "bash|zsh|fish",
               "print the completion of command lines for a shell"},
    CommandRow{Command::version, "version", CommandForm::alone, "", "also -V"},
    CommandRow{Command::help, "help", CommandForm::alone, "", "also -h"},
};

constexpr std::array kFlags = {
    CommandFlag{Command::check, "print", "the configuration, with origins (or --print-config)",
                FlagUse::one_output},
    CommandFlag{Command::check, "live", "look up the backend and connect to it as well"},
    CommandFlag{Command::check, "diff", "changes that a reload of the running onehop would make",
                FlagUse::one_output},
    CommandFlag{Command::check, "json", "findings for programs", FlagUse::one_output},
    CommandFlag{Command::check, "schema", "print a JSON schema of the configuration file",
                FlagUse::alone},
    CommandFlag{Command::status, "requests", "only the requests in progress, the oldest first",
                FlagUse::one_output},
    CommandFlag{Command::status, "json", "the same for programs", FlagUse::one_output},
    CommandFlag{Command::reload, "json", "the result for programs"},
    CommandFlag{Command::upgrade, "json", "the result for programs"},
    CommandFlag{Command::help, "man", "print the manual page", FlagUse::one_output},
    CommandFlag{Command::help, "tables", "print the tables of docs/operating.md",
                FlagUse::one_output},
};

}  // namespace

std::span<const CommandRow> commands() {
  return kCommands;
}

std::span<const CommandFlag> command_flags() {
  return kFlags;
}

std::optional<Command> command_named(std::string_view word) {
  const auto found = std::ranges::find(kCommands, word, &CommandRow::word);
  if (found == kCommands.end()) return std::nullopt;
  return found->command;
}

CommandForm form_of(Command command) {
  const auto found = std::ranges::find(kCommands, command, &CommandRow::command);
  return found == kCommands.end() ? CommandForm::serves : found->form;
}

std::string_view word_of(Command command) {
  const auto found = std::ranges::find(kCommands, command, &CommandRow::command);
  return found == kCommands.end() ? std::string_view() : found->word;
}

}  // namespace onehop::config
