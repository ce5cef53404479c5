// SPDX-License-Identifier: Apache-2.0
//
// Limits of an HTTP/1 head. Sizes in octets, all of them below 1 GiB.
#pragma once

#include <cstddef>

namespace onehop::h1 {

struct Limits {
  std::size_t max_start_line = 16 * 1024;  // request line: 414 past it; status line: 502
  std::size_t max_header_bytes =
      64 * 1024;  // name + value + 32 for every field; needless blanks count
  std::size_t max_header_fields = 256;
};

}  // namespace onehop::h1
