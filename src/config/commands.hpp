// SPDX-License-Identifier: Apache-2.0
//
// The commands of the program, and the flags that only one of them has. A row in the tables is
// enough for a new one.
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
  serves,     // a BACKEND and settings: like `onehop` without a command
  settings,   // settings only
  own_words,  // settings and words of its own
  alone,      // nothing is read
};

struct CommandRow {
  Command command;
  std::string_view word;  // "check"
  CommandForm form;
  std::string_view usage;  // "[flags] BACKEND"
  std::string_view help;
};

// How a flag of a command goes with the others.
enum class FlagUse : std::uint8_t {
  with_any,
  one_output,  // decides what is printed, so there is one of these at most
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
// Command::proxy, which has no word, serves.
CommandForm form_of(Command command);
std::string_view word_of(Command command);

}  // namespace onehop::config
