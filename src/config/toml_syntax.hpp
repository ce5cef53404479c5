// SPDX-License-Identifier: Apache-2.0
//
// Says what is wrong with the syntax of a line of TOML, and how to write it. The parser reports the
// place where it stopped, which is often after the mistake.
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

// A mistake as the parser reports it, on the line that it belongs to.
struct SyntaxError {
  std::size_t line;
  std::size_t column;
  std::string_view description;
};

TomlMistake explain_syntax(const SourceLines& lines, const SyntaxError& error);

// Reports whether the line begins with KEY =.
bool begins_setting(std::string_view line);

// A bracket, or three quotes, without its other end.
struct Opening {
  std::size_t line = 0;  // 0: there is none
  std::size_t begin = 0;
  std::string bracket = {};
};

// The first one that the lines up to `last` leave open, without those of `ignored`.
Opening find_opening(const SourceLines& lines,
                     std::size_t last,
                     const std::vector<std::size_t>& ignored);

TomlMistake not_closed(const SourceLines& lines, const Opening& opening);

}  // namespace onehop::config
