// SPDX-License-Identifier: Apache-2.0
#include "program/pointed_out.hpp"

#include <algorithm>
#include <utility>

namespace onehop::program {

std::unexpected<std::string> pointed_out(std::string_view text,
                                         std::string_view part,
                                         std::string why) {
  const auto column = static_cast<std::size_t>(part.data() - text.data());
  std::string shown(text);
  std::ranges::replace_if(shown, [](char c) { return c >= 0 && c < ' '; }, ' ');
  return refused(std::move(why) + "\n    " + shown + "\n    " + std::string(column, ' ') +
                 std::string(std::max<std::size_t>(part.size(), 1), '^'));
}

std::string did_you_mean(std::string_view text) {
  return "; did you mean " + std::string(text) + "?";
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

}  // namespace onehop::program
