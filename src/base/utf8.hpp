// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 as defined by RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF.
// Thread: any.
#pragma once

#include <cstddef>
#include <string_view>

namespace onehop {

// Returns the size in bytes of the valid character at the start of `text`; 0 if there is none.
std::size_t utf8_character_size(std::string_view text) noexcept;
bool is_utf8(std::string_view text) noexcept;

}  // namespace onehop
