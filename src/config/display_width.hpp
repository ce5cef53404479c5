// SPDX-License-Identifier: Apache-2.0
//
// The width of a text on a terminal, and the positions of its code points. A byte that is not UTF-8
// counts as one code point, one column wide.
// Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::config {

// Returns the number of columns. A tab counts as one column, since blanks_below() repeats it.
std::size_t display_width(std::string_view text);

// Returns blanks as wide as the text, with its tabs.
std::string blanks_below(std::string_view text);

// Returns the byte at which code point `index` begins, counted from 0; the size of the text if it
// has fewer code points.
std::size_t offset_of_code_point(std::string_view text, std::size_t index);

// Returns the number of code points that begin in the text.
std::size_t count_code_points(std::string_view text);

}  // namespace onehop::config
