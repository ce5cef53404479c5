// SPDX-License-Identifier: Apache-2.0
//
// Reads a configuration file as `onehop check` does. Each finding has a place in the file, and an
// accepted file prints as a file that means and prints the same. Input: the file.

#include "base/check.hpp"
#include "base/utf8.hpp"
#include "config/differences.hpp"
#include "config/display_width.hpp"
#include "config/finding_text.hpp"
#include "config/load.hpp"
#include "config/print.hpp"
#include "config/source_lines.hpp"
#include "fuzz_one.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::fuzz {
namespace {

using namespace onehop::config;  // NOLINT(google-build-using-namespace)

constexpr const char* kName = "onehop.toml";

Loaded load_text(const std::string& text) {
  return load({"--config", kName}, {}, [&text](const NamedFiles&, Findings&) {
    return std::vector<ConfigFile>{{kName, text}};
  });
}

// Checks that lines and columns are in the file, and carets below the line.
void check_place(const Finding& finding, const SourceLines& lines) {
  ONEHOP_CHECK(!finding.message.empty());
  if (finding.origin.source != Source::file) return;
  ONEHOP_CHECK(finding.origin.name == kName);
  if (finding.origin.line == 0) return;
  const std::string_view line = lines.line(finding.origin.line);
  ONEHOP_CHECK(finding.origin.line <= lines.count() && finding.origin.column >= 1);
  ONEHOP_CHECK(finding.origin.column <= count_code_points(line) + 1);
  ONEHOP_CHECK(finding.excerpt.text == line);
  ONEHOP_CHECK(finding.excerpt.begin <= line.size());
  // A caret may be after the end of the line, where something is missing.
  ONEHOP_CHECK(finding.excerpt.begin + finding.excerpt.size <= line.size() + 1);
  ONEHOP_CHECK(count_code_points(line.substr(0, finding.excerpt.begin)) + 1 ==
               finding.origin.column);
}

void check_texts(const Findings& findings) {
  for (const char c : text_of(findings))
    ONEHOP_CHECK(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');
  ONEHOP_CHECK(is_utf8(json_of(findings)));
  for (const Finding& finding : findings)
    ONEHOP_CHECK(sentence_of(finding).find('\n') == std::string::npos);
}

void check_print(const Loaded& loaded) {
  // Two slashes at the start of the path would be read as those after the scheme of a URL.
  if (loaded.configuration.backend.socket_path().starts_with("//")) return;
  const Loaded second = load_text(print_configuration(loaded));
  ONEHOP_CHECK(second.is_usable());
  ONEHOP_CHECK(differences(loaded.configuration, second.configuration).empty());
  const std::string printed = print_configuration(second);
  ONEHOP_CHECK(print_configuration(load_text(printed)) == printed);
}

}  // namespace

void fuzz_one(std::string_view input) {
  const Loaded loaded = load_text(std::string(input));
  const SourceLines lines(input);
  for (const Finding& finding : loaded.findings)
    check_place(finding, lines);
  check_texts(loaded.findings);
  if (loaded.is_usable()) check_print(loaded);
}

}  // namespace onehop::fuzz
