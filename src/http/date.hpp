// SPDX-License-Identifier: Apache-2.0
//
// The date format that HTTP generates (IMF-fixdate, RFC 9110 §5.6.7). It reads no clock; callers
// cache the text for a second.
// Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace onehop {

class ImfDate {
 public:
  // `unix_seconds` counts from 1970; its year must be 0 to 9999.
  explicit ImfDate(std::int64_t unix_seconds) noexcept;

  // Such as "Sun, 06 Nov 1994 08:49:37 GMT". A view into this object.
  std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 29> text_{};
};

}  // namespace onehop
