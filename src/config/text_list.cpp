// SPDX-License-Identifier: Apache-2.0
#include "config/text_list.hpp"

#include "config/plain_text.hpp"

#include <algorithm>

namespace onehop::config {

std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> values;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    const std::string_view value = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (const std::string_view one = trimmed(value); !one.empty()) values.emplace_back(one);
  }
  return values;
}

}  // namespace onehop::config
