// SPDX-License-Identifier: Apache-2.0
//
// What several readers and writers of texts need.
// Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace onehop::config {

// Without the blanks around it.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t");

// ASCII letters in lower case.
std::string lower(std::string_view text);

// For a terminal, or a comment in a file: '?' for each control character except tabs and line
// breaks, for marks that change the direction of the text around them, and for bytes that are not
// UTF-8.
std::string printable(std::string_view text);

}  // namespace onehop::config
