// SPDX-License-Identifier: Apache-2.0
//
// ImfDate formats a time as senders must (IMF-fixdate, RFC 9110 §5.6.7). It does not read a clock;
// callers cache the text for a second.
// Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace onehop {

class ImfDate {
 public:
  // `unix_seconds` counts from 1970. The year must be 0 to 9999.
  explicit ImfDate(std::int64_t unix_seconds) noexcept;

  // Returns a text such as "Sun, 06 Nov 1994 08:49:37 GMT", a view into this object.
  std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 29> text_{};
};

}  // namespace onehop
