// SPDX-License-Identifier: Apache-2.0
//
// The commands of the program, and the flags that belong to a single command. To add either, add a
// row to its table.
// Thread: any; constant.
#pragma once

#include "config/configuration.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace onehop::config {

// The words and settings that a command reads.
enum class CommandForm : std::uint8_t {
  serves,     // a BACKEND and settings, like `onehop` without a command
  settings,   // settings only
  own_words,  // settings and words of its own
  alone,      // neither words nor settings
};

struct CommandRow {
  Command command;
  std::string_view word;  // "check"
  CommandForm form;
  std::string_view usage;  // "[flags] BACKEND"
  std::string_view help;
};

// How a command's flag combines with its other flags.
enum class FlagUse : std::uint8_t {
  with_any,
  one_output,  // selects the output; at most one of these may be given
  alone,
};

struct CommandFlag {
  Command command;
  std::string_view name;  // "json": --json
  std::string_view help;
  FlagUse use = FlagUse::with_any;
};

std::span<const CommandRow> commands();
std::span<const CommandFlag> command_flags();

std::optional<Command> command_named(std::string_view word);
// Returns CommandForm::serves for Command::proxy, which has no word.
CommandForm form_of(Command command);
std::string_view word_of(Command command);

}  // namespace onehop::config
