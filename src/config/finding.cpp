// SPDX-License-Identifier: Apache-2.0
#include "config/finding.hpp"

#include "config/pointed_out.hpp"

#include <algorithm>

namespace onehop::config {
namespace {

constexpr std::string_view kSuggests = "; did you mean ";

std::string place_of(const Origin& origin) {
  std::string place = origin.name;
  if (origin.line != 0) {
    place += ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
  }
  return place;
}

}  // namespace

bool has_errors(const Findings& findings) {
  return count_of(findings, Severity::error) != 0;
}

std::size_t count_of(const Findings& findings, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

std::string text_of(const Origin& origin) {
  if (origin.source == Source::default_value) return "default";
  if (origin.name.empty()) return "argument";
  return origin.line == 0 ? origin.name : origin.name + ":" + std::to_string(origin.line);
}

std::string sentence_of(const Finding& finding) {
  std::string text = place_of(finding.origin);
  if (!text.empty()) text += ": ";
  text += finding.message;
  if (!finding.hint.empty()) text += "; " + finding.hint;
  std::ranges::replace(text, '\n', ' ');
  return text;
}

void explain(Finding& finding, std::string_view refusal) {
  const PointedOut parts = split_pointed_out(refusal);
  finding.message = parts.why;
  finding.excerpt = {std::string(parts.text), parts.begin, parts.size};
  const auto suggestion = finding.message.find(kSuggests);
  if (suggestion == std::string::npos) return;
  finding.hint = finding.message.substr(suggestion + 2);
  finding.message.resize(suggestion);
}

}  // namespace onehop::config
