// SPDX-License-Identifier: Apache-2.0
//
// Finds keys with too many dots, as in a.b.c. Each dot nests a table in a table, and the parser,
// which limits only nesting in brackets, would overflow the stack.
// Thread: any.
#pragma once

#include "config/source_lines.hpp"
#include "config/toml_syntax.hpp"

#include <optional>
#include <string_view>

namespace onehop::config {

// Returns the first key with too many dots. `lines` has the lines of `text`, to find the place.
std::optional<TomlMistake> find_deep_key(std::string_view text, const SourceLines& lines);

}  // namespace onehop::config
