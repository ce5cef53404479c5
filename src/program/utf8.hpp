// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 as RFC 3629 §4 allows it: no overlong forms, no surrogates, nothing past U+10FFFF.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace onehop::program {

// Bytes of the well-formed character at the start of `text`; 0 when there is none.
std::size_t utf8_character_size(std::string_view text) noexcept;
bool is_utf8(std::string_view text) noexcept;

}  // namespace onehop::program
