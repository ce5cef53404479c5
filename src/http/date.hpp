// SPDX-License-Identifier: Apache-2.0
//
// The one date format that HTTP generates (IMF-fixdate, RFC 9110 §5.6.7).
// No clock is read here; whoever has one keeps the text for a second.
// Thread: any; a pure function.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace onehop {

class ImfDate {
 public:
  // Seconds since 1970; years 0 to 9999.
  explicit ImfDate(std::int64_t unix_seconds) noexcept;

  // "Sun, 06 Nov 1994 08:49:37 GMT"; a view into this object.
  std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 29> text_{};
};

}  // namespace onehop
