// SPDX-License-Identifier: Apache-2.0

#include <onehop/method.hpp>

#include "base/ascii.hpp"

namespace onehop {

std::optional<Method> Method::parse(std::string_view text) noexcept {
  if (text.size() > kMaxSize || !ascii::is_token(text)) return std::nullopt;
  return Method(text.data(), text.size());
}

bool Method::is_safe() const noexcept {
  return *this == get || *this == head || *this == options || *this == trace;
}

bool Method::is_idempotent() const noexcept {
  return is_safe() || *this == put || *this == del;
}

}  // namespace onehop
