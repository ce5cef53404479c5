// SPDX-License-Identifier: Apache-2.0

#include "http/list_value.hpp"

#include "base/ascii.hpp"

namespace onehop {

void ListMembers::iterator::advance() noexcept {
  member_ = {};
  while (!rest_.empty() && member_.empty()) {
    const std::size_t comma = rest_.find(',');
    member_ = ascii::trim_blanks(rest_.substr(0, comma));
    rest_ = comma == std::string_view::npos ? std::string_view{} : rest_.substr(comma + 1);
  }
}

bool list_has(std::string_view value, std::string_view token) noexcept {
  for (const std::string_view member : ListMembers(value)) {
    if (ascii::equals_ignoring_case(member, token)) return true;
  }
  return false;
}

}  // namespace onehop
