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
// Returns the code point of `character`, which is valid, or a single byte, which is returned as it
// is.
char32_t utf8_code_point(std::string_view character) noexcept;

// Reports whether a reader does not see the character, although it may change what is seen: control
// characters, separators of lines and paragraphs, characters without width, and marks that change
// the direction of the text. All of them have at most 16 bits.
bool is_invisible(char32_t code) noexcept;

}  // namespace onehop
