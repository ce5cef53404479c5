// SPDX-License-Identifier: Apache-2.0
//
// Limits of an HTTP/1 head. Sizes in bytes, none of them larger than kLargestLimit.
#pragma once

#include <algorithm>
#include <cstddef>

namespace onehop::h1 {

// What is more than that is as good as none, and would overflow where it is added up.
inline constexpr std::size_t kLargestLimit = (std::size_t{1} << 30U) - 1;
constexpr std::size_t bounded(std::size_t limit) noexcept {
  return std::min(limit, kLargestLimit);
}

struct Limits {
  std::size_t max_start_line = 16 * 1024;  // request line: 414 past it; status line: 502
  std::size_t max_header_bytes =
      64 * 1024;  // name + value + 32 for every field; needless blanks count
  std::size_t max_header_fields = 256;
};

}  // namespace onehop::h1
