// SPDX-License-Identifier: Apache-2.0
//
// TomlDocument: the keys and values of a TOML text with their places, and its syntax errors. The
// only file that knows the TOML library is toml_document.cpp.
// Thread: any; constant.
#pragma once

#include "config/source_lines.hpp"
#include "config/toml_syntax.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

enum class TomlKind : std::uint8_t { text, integer, boolean, other, list, table };

struct TomlEntry;

// A table, or one of an array of tables.
struct TomlTable {
  Region region;  // of its header
  std::vector<TomlEntry> entries;
};

struct TomlValue {
  TomlKind kind = TomlKind::text;
  // The text of a string; true and false; of other scalars, as they are in the file.
  std::string text = {};
  Region region = {};
  // The text is in the file unchanged, between one pair of quotes.
  bool is_verbatim = false;
  std::vector<TomlValue> elements = {};  // of a list; those of a list in it are left out
  std::vector<TomlTable> tables = {};    // one, or those of an array of tables
  bool is_array_of_tables = false;
};

struct TomlEntry {
  std::string key;
  Region region;  // of the key, or of the header of a table
  TomlValue value;
};

struct TomlDocument {
  SourceLines lines;
  std::vector<TomlEntry> entries;  // in the order of the file
  // If there are any, `entries` are those of the rest of the file and good for reports only.
  std::vector<TomlMistake> mistakes;
};

TomlDocument parse_toml(std::string_view text);

}  // namespace onehop::config
