// SPDX-License-Identifier: Apache-2.0
//
// The columns that a text has on a terminal, and the places of code points in it. Bytes that are
// not UTF-8 count as one column each.
// Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::config {

// A tab counts as one column: blanks_below() repeats it.
std::size_t display_width(std::string_view text);

// Returns blanks as wide as the text, with its tabs.
std::string blanks_below(std::string_view text);

// The byte at which a code point begins, which is counted from 0. Past the end: the text's size.
std::size_t offset_of_code_point(std::string_view text, std::size_t index);

// The code point at the beginning of a text that is not empty; a byte that is not UTF-8 is its own.
char32_t first_code_point(std::string_view text);

// The number of code points that begin in the text.
std::size_t count_code_points(std::string_view text);

}  // namespace onehop::config
