// SPDX-License-Identifier: Apache-2.0
//
// Explains a syntax error in TOML and how to correct it. The parser reports only the place where it
// stopped, which is often after the mistake.
// Thread: any.
#pragma once

#include "config/source_lines.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct TomlMistake {
  Region region;
  std::string message;
  std::string hint;
};

// An error as the parser reports it, on the line that it belongs to.
struct SyntaxError {
  std::size_t line;
  std::size_t column;
  std::string_view description;
};

TomlMistake explain_syntax(const SourceLines& lines, const SyntaxError& error);

// Reports whether the line begins with "KEY =".
bool begins_setting(std::string_view line);

// An opening bracket, or three quotes, that is not closed.
struct Opening {
  std::size_t line = 0;  // 0: everything is closed
  std::size_t begin = 0;
  std::string bracket = {};
};

// Returns the first opening that the lines up to `last`, except the `ignored` ones, do not close.
Opening find_opening(const SourceLines& lines,
                     std::size_t last,
                     const std::vector<std::size_t>& ignored);

TomlMistake not_closed(const SourceLines& lines, const Opening& opening);

}  // namespace onehop::config
