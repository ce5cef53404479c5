// SPDX-License-Identifier: Apache-2.0
#include "base/lasting_texts.hpp"

#include <algorithm>

namespace onehop {

constinit LastingTexts lasting_addresses;

std::string_view LastingTexts::keep(std::string_view text) noexcept {
  if (text.empty()) return {};
  const std::lock_guard lock(mutex_);
  for (std::size_t at = 0; at < used_;) {
    const std::string_view known(room_.data() + at);
    if (known == text) return known;
    at += known.size() + 1;
  }
  const bool has_zero = text.find('\0') != std::string_view::npos;  // an abstract unix socket
  if (has_zero || text.size() >= kRoom - used_) return {};
  char* const place = room_.data() + used_;
  std::ranges::copy(text, place);
  used_ += text.size() + 1;
  return {place, text.size()};
}

}  // namespace onehop
