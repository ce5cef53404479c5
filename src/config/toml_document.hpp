// SPDX-License-Identifier: Apache-2.0
//
// TomlDocument holds the keys and values of a TOML text with their places, and its syntax errors.
// Only toml_document.cpp uses the TOML library.
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

// A table, or one element of an array of tables.
struct TomlTable {
  Region region;  // of its header
  std::vector<TomlEntry> entries;
};

struct TomlValue {
  TomlKind kind = TomlKind::text;
  // The content of a string, "true" or "false"; any other scalar as it is written in the file.
  std::string text = {};
  Region region = {};
  // The file contains the text unchanged, between one pair of quotes.
  bool is_verbatim = false;
  std::vector<TomlValue> elements = {};  // of a list; a list within a list has no elements
  std::vector<TomlTable> tables = {};    // one table, or those of an array of tables
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
  // If not empty, `entries` are those of the rest of the file, for use in reports only.
  std::vector<TomlMistake> mistakes;
};

TomlDocument parse_toml(std::string_view text);

}  // namespace onehop::config
