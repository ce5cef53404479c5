// SPDX-License-Identifier: Apache-2.0
//
// Finds keys with many dots, a.b.c. Each dot is a table in a table; the parser, which limits only
// those in brackets, would use all of the stack for them.
// Thread: any.
#pragma once

#include "config/source_lines.hpp"
#include "config/toml_syntax.hpp"

#include <optional>
#include <string_view>

namespace onehop::config {

// The first key of the text that has too many. `lines` has the same lines, for the place.
std::optional<TomlMistake> find_deep_key(std::string_view text, const SourceLines& lines);

}  // namespace onehop::config
