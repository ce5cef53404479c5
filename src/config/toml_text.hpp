// SPDX-License-Identifier: Apache-2.0
//
// Values as TOML.
// Thread: any.
#pragma once

#include "config/setting.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// "text" in double quotes, with escapes. Bytes that are not UTF-8 become U+FFFD, since TOML has
// none.
std::string toml_text(std::string_view text);

// The values of a setting: a text, a number, true or false, or a list in brackets.
std::string toml_value(const Setting& setting, const std::vector<std::string>& values);

}  // namespace onehop::config
