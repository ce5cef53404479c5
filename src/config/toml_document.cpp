// SPDX-License-Identifier: Apache-2.0
#include "config/toml_document.hpp"

#include "config/toml_nesting.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
// The parser asserts a condition that depends on the file, that a key follows a bracket, and with
// NDEBUG lets the compiler assume it. Without either, the parser reports the mistake.
#if __has_include(<toml++/impl/preprocessor.h>)
#include <toml++/impl/preprocessor.h>
#else
#include <toml++/impl/preprocessor.hpp>
#endif
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expression) static_assert(true)
#include <toml++/toml.h>

namespace onehop::config {
namespace {

// A text with more mistakes than this is not a configuration file.
constexpr int kMaxMistakes = 20;

// No setting is in a table that is nested more deeply.
constexpr int kMaxDepth = 3;

class Reader {
 public:
  explicit Reader(const SourceLines& lines) : lines_(lines) {}

  std::vector<TomlEntry> entries_of(const toml::table& table, int depth = 0) const {
    std::vector<TomlEntry> entries;
    for (const auto& [key, node] : table)
      entries.push_back(entry_of(key, node, depth));
    std::ranges::sort(entries, {}, [](const TomlEntry& entry) {
      return std::pair(entry.region.line, entry.region.column);
    });
    return entries;
  }

 private:
  TomlEntry entry_of(const toml::key& key, const toml::node& node, int depth) const {
    TomlValue value = value_of(node);
    // The place of a table is its header, which contains its key.
    const bool has_header = value.kind == TomlKind::table || node.is_array_of_tables();
    const Region own = region_of(key.source());
    const Region region = has_header && own.line == 0 ? value.region : own;
    if (value.kind == TomlKind::list) add_elements(*node.as_array(), value);
    if (value.kind == TomlKind::table && depth < kMaxDepth) add_tables(node, region, depth, value);
    return {std::string(key.str()), region, std::move(value)};
  }

  void add_elements(const toml::array& array, TomlValue& list) const {
    for (const toml::node& element : array)
      list.elements.push_back(value_of(element));
  }

  void add_tables(const toml::node& node, const Region& header, int depth, TomlValue& value) const {
    if (const toml::table* const table = node.as_table()) {
      value.tables.push_back({header, entries_of(*table, depth + 1)});
      return;
    }
    value.is_array_of_tables = true;
    for (const toml::node& element : *node.as_array())
      value.tables.push_back(
          {region_of(element.source()), entries_of(*element.as_table(), depth + 1)});
  }

  TomlValue value_of(const toml::node& node) const {
    TomlValue value;
    value.region = region_of(node.source());
    if (const auto* text = node.as_string()) {
      value.text = text->get();
      const std::string_view spelled = lines_.text_of(value.region);
      value.is_verbatim = spelled.size() == value.text.size() + 2 &&
                          spelled.substr(1, value.text.size()) == value.text;
    } else if (const auto* number = node.as_integer()) {
      value.kind = TomlKind::integer;
      value.text = std::to_string(number->get());
    } else if (const auto* boolean = node.as_boolean()) {
      value.kind = TomlKind::boolean;
      value.text = boolean->get() ? "true" : "false";
    } else if (node.is_table() || node.is_array_of_tables()) {
      value.kind = TomlKind::table;
    } else if (node.is_array()) {
      value.kind = TomlKind::list;
    } else {
      value.kind = TomlKind::other;
      value.text = lines_.text_of(value.region);
    }
    return value;
  }

  Region region_of(const toml::source_region& source) const {
    return lines_.between(source.begin.line, source.begin.column, source.end.line,
                          source.end.column);
  }

  const SourceLines& lines_;
};

// Returns a copy of the text in which `removed` lines are empty comments. The parser stops at the
// first mistake, so parsing the copy finds the next one.
std::string without_lines(const SourceLines& lines, const std::vector<std::size_t>& removed) {
  std::string copy;
  for (std::size_t number = 1; number <= lines.count(); ++number) {
    const bool is_removed = std::ranges::find(removed, number) != removed.end();
    copy += is_removed ? "#" : std::string(lines.line(number));
    copy += '\n';
  }
  return copy;
}

// Explains the error that the parser has seen. The parser stops at the mistake or, in a list that
// is not closed, at the first text that cannot be part of the list.
TomlMistake mistake_at(const SourceLines& lines,
                       const SyntaxError& seen,
                       const Opening& before,
                       const Opening& after) {
  if (before.line != 0 && begins_setting(lines.line(seen.line))) return not_closed(lines, before);
  if (after.line != 0 && seen.description.contains("end-of-file")) return not_closed(lines, after);
  return explain_syntax(lines, seen);
}

}  // namespace

TomlDocument parse_toml(std::string_view text) {
  TomlDocument document{.lines = SourceLines(text), .entries = {}, .mistakes = {}};
  std::vector<std::size_t> removed;
  const std::size_t last_line = std::max<std::size_t>(document.lines.count(), 1);
  std::string copy(without_byte_order_mark(text));
  for (int attempt = 0; attempt < kMaxMistakes; ++attempt) {
    if (auto deep = find_deep_key(copy, document.lines)) {
      document.mistakes.push_back(std::move(*deep));
      break;
    }
    const toml::parse_result result = toml::parse(std::string_view(copy));
    if (result) {
      document.entries = Reader(document.lines).entries_of(result.table());
      break;
    }
    const toml::parse_error& error = result.error();
    const SyntaxError seen{std::clamp<std::size_t>(error.source().begin.line, 1, last_line),
                           error.source().begin.column, error.description()};
    if (!removed.empty() && seen.line <= removed.back()) break;  // a consequence of that line
    const Opening before = find_opening(document.lines, seen.line - 1, removed);
    const Opening after = find_opening(document.lines, seen.line, removed);
    document.mistakes.push_back(mistake_at(document.lines, seen, before, after));
    // The parser takes the lines after an open bracket as part of the list, so it would report
    // mistakes that are none.
    if (after.line != 0) break;
    removed.push_back(seen.line);
    copy = without_lines(document.lines, removed);
  }
  return document;
}

}  // namespace onehop::config
