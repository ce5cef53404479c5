// SPDX-License-Identifier: Apache-2.0
//
// Limits are the limits of an HTTP/1 head, each at most kLargestLimit. Sizes are in bytes.
#pragma once

#include <algorithm>
#include <cstddef>

namespace onehop::h1 {

// A larger limit would have no effect and could overflow in sums.
inline constexpr std::size_t kLargestLimit = (std::size_t{1} << 30U) - 1;
constexpr std::size_t bounded(std::size_t limit) noexcept {
  return std::min(limit, kLargestLimit);
}

struct Limits {
  std::size_t max_start_line = 16 * 1024;    // request line: 414 if exceeded; status line: 502
  std::size_t max_header_bytes = 64 * 1024;  // the sum of name + value + 32; surplus blanks count
  std::size_t max_header_fields = 256;
};

}  // namespace onehop::h1
