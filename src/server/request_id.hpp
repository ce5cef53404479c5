// SPDX-License-Identifier: Apache-2.0
//
// RequestId is 128 bits from the system's random source, as 32 hexadecimal digits. It is cheap:
// each thread asks the system for the bytes of many IDs at once.
// Thread: any.
#pragma once

#include <array>
#include <string_view>

namespace onehop::server {

class RequestId {
 public:
  // Throws std::system_error if there is no random source.
  RequestId();
  std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 32> text_{};
};

}  // namespace onehop::server
