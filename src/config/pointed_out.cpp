// SPDX-License-Identifier: Apache-2.0
#include "config/pointed_out.hpp"

#include <algorithm>
#include <utility>

namespace onehop::config {
namespace {

constexpr std::string_view kIndented = "\n    ";

}  // namespace

std::unexpected<std::string> pointed_out(std::string_view text,
                                         std::string_view part,
                                         std::string why) {
  const auto column = static_cast<std::size_t>(part.data() - text.data());
  std::string shown(text);
  std::ranges::replace_if(shown, [](char c) { return c >= 0 && c < ' '; }, ' ');
  return refused(std::move(why) + "\n    " + shown + "\n    " + std::string(column, ' ') +
                 std::string(std::max<std::size_t>(part.size(), 1), '^'));
}

PointedOut split_pointed_out(std::string_view refusal) {
  const auto text = refusal.find(kIndented);
  if (text == std::string_view::npos) return {.why = refusal};
  PointedOut parts{.why = refusal.substr(0, text), .text = refusal.substr(text + kIndented.size())};
  const auto carets = parts.text.rfind(kIndented);
  if (carets == std::string_view::npos) return parts;
  const std::string_view marks = parts.text.substr(carets + kIndented.size());
  parts.begin = std::min(marks.find('^'), marks.size());
  parts.size = marks.size() - parts.begin;
  parts.text = parts.text.substr(0, carets);
  return parts;
}

std::string did_you_mean(std::string_view text) {
  return "; did you mean " + std::string(text) + "?";
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

}  // namespace onehop::config
