// SPDX-License-Identifier: Apache-2.0
//
// Texts of others and of errors, as people get them: in the log, the status and on a terminal.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::acme {

// Of an error of this floor its detail, which is a sentence; an error of a connection has its
// reason in the code.
std::string words_of(const Error& error);
// At most `size` bytes, without a part of a character of UTF-8 at their end.
std::string_view beginning_of(std::string_view text, std::size_t size);
// A text of UTF-8 in one line of printable characters: others, and those that change the direction
// of what is written, are spaces.
std::string in_one_line(std::string_view text);

}  // namespace onehop::acme
