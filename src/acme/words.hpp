// SPDX-License-Identifier: Apache-2.0
//
// Prepares the texts of authorities and errors for people: in the log, in the status and on a
// terminal.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::acme {

// Returns the detail of an error of this floor, which is a sentence, or the text of another error,
// whose reason is in its code.
std::string words_of(const Error& error);
// Returns at most `size` bytes, without an incomplete UTF-8 character at the end.
std::string_view beginning_of(std::string_view text, std::size_t size);
// Returns a UTF-8 text as one line of visible characters. Each invisible character, and each byte
// that is not UTF-8, becomes a space.
std::string in_one_line(std::string_view text);

}  // namespace onehop::acme
