// SPDX-License-Identifier: Apache-2.0
//
// Functions on text that several readers and writers of texts share.
// Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace onehop::config {

// Returns the text without leading and trailing blanks.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t");

// Returns the text with its ASCII letters in lower case.
std::string lower(std::string_view text);

// Makes a text safe for a terminal, or for a comment in a file: replaces each invisible character
// except tabs and line breaks, and each byte that is not UTF-8, by '?'.
std::string printable(std::string_view text);

}  // namespace onehop::config
