// SPDX-License-Identifier: Apache-2.0
#include "config/finding_text.hpp"

#include "config/display_width.hpp"
#include "config/plain_text.hpp"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

namespace onehop::config {
namespace {

constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kPlain = "\x1b[0m";

class Writer {
 public:
  explicit Writer(Colour colour) : colours_(colour == Colour::always) {}

  void write(const Finding& finding) {
    write_head(finding);
    if (finding.excerpt.text.empty()) return;
    if (finding.origin.line != 0) {
      const std::string number = std::to_string(finding.origin.line);
      write_excerpt(finding, "  " + number + " | ", std::string(number.size() + 2, ' ') + " | ");
    } else {
      write_excerpt(finding, "    ", "    ");
    }
  }

  std::string take() { return std::move(text_); }

 private:
  void write_head(const Finding& finding) {
    const Origin& origin = finding.origin;
    std::string place = origin.name.empty() ? "onehop" : origin.name;
    if (origin.line != 0) {
      place += ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
    }
    const bool is_error = finding.severity == Severity::error;
    add(printable(place) + ": ", kBold);
    add(is_error ? "error: " : "warning: ", is_error ? kRed : kYellow);
    text_ += printable(finding.message);
    if (!finding.hint.empty() && !has_carets(finding)) text_ += "; " + printable(finding.hint);
    text_ += '\n';
  }

  // Reports whether the excerpt is a line of a file with carets. The hint is then written beside
  // the carets; otherwise it follows the message.
  static bool has_carets(const Finding& finding) {
    return finding.origin.line != 0 && !finding.excerpt.text.empty() && finding.excerpt.size != 0;
  }

  void write_excerpt(const Finding& finding, const std::string& margin, const std::string& below) {
    const Excerpt& excerpt = finding.excerpt;
    text_ += margin + printable(excerpt.text) + "\n";
    if (excerpt.size == 0) return;
    const std::string_view line = excerpt.text;
    const auto begin = std::min(excerpt.begin, line.size());
    text_ += below + blanks_below(printable(line.substr(0, begin)));
    const std::size_t width = display_width(printable(line.substr(begin, excerpt.size)));
    add(std::string(std::max<std::size_t>(width, 1), '^'), kRed);
    if (has_carets(finding) && !finding.hint.empty()) text_ += " " + printable(finding.hint);
    text_ += '\n';
  }

  void add(const std::string& text, std::string_view colour) {
    if (!colours_) {
      text_ += text;
    } else {
      text_ += std::string(colour) + text + std::string(kPlain);
    }
  }

  const bool colours_;
  std::string text_;
};

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

const char* name_of(Source source) {
  switch (source) {
    case Source::default_value:
      return "default";
    case Source::file:
      return "file";
    case Source::variable:
      return "variable";
    case Source::flag:
      return "flag";
  }
  return "";
}

nlohmann::ordered_json object_of(const Finding& finding) {
  nlohmann::ordered_json object = {
      {"severity", finding.severity == Severity::error ? "error" : "warning"},
      {"message", finding.message}};
  if (!finding.hint.empty()) object["hint"] = finding.hint;
  if (finding.origin.source != Source::default_value) {
    object["source"] = name_of(finding.origin.source);
    object["name"] = finding.origin.name;
  }
  if (finding.origin.line != 0) {
    object["line"] = finding.origin.line;
    object["column"] = finding.origin.column;
  }
  if (!finding.excerpt.text.empty()) {
    object["text"] = finding.excerpt.text;
    object["begin"] = finding.excerpt.begin;
    object["size"] = finding.excerpt.size;
  }
  return object;
}

}  // namespace

std::string text_of(const Findings& findings, Colour colour) {
  Writer writer(colour);
  for (const Finding& finding : findings)
    writer.write(finding);
  return writer.take();
}

std::string summary_of(const Findings& findings) {
  const std::size_t errors = count_of(findings, Severity::error);
  const std::size_t warnings = count_of(findings, Severity::warning);
  std::string text;
  if (errors != 0) text = counted(errors, "error");
  if (warnings != 0) text += (text.empty() ? "" : ", ") + counted(warnings, "warning");
  return text;
}

std::string json_of(const Findings& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings)
    list.push_back(object_of(finding));
  const nlohmann::ordered_json whole = {{"findings", std::move(list)},
                                        {"errors", count_of(findings, Severity::error)},
                                        {"warnings", count_of(findings, Severity::warning)}};
  // Replaces bytes that are not UTF-8.
  return whole.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace onehop::config
