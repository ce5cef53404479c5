// SPDX-License-Identifier: Apache-2.0
#include "config/plain_text.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <cstddef>

namespace onehop::config {

std::string_view trimmed(std::string_view text, std::string_view blanks) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return ascii::to_lower(c); });
  return result;
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    const std::string_view one = text.substr(0, std::max<std::size_t>(size, 1));
    const bool is_blank = one == "\t" || one == "\n";
    const bool is_good = size > 0 && (is_blank || !is_invisible(utf8_code_point(one)));
    shown += is_good ? one : "?";
    text.remove_prefix(one.size());
  }
  return shown;
}

}  // namespace onehop::config
