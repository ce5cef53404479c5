// SPDX-License-Identifier: Apache-2.0
//
// Writes values as TOML.
// Thread: any.
#pragma once

#include "config/setting.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// Returns the text in double quotes, with escapes. Bytes that are not UTF-8 become U+FFFD, since
// TOML allows only UTF-8.
std::string toml_text(std::string_view text);

// Returns the values of a setting as a text, a number, true or false, or a list in brackets.
std::string toml_value(const Setting& setting, const std::vector<std::string>& values);

}  // namespace onehop::config
