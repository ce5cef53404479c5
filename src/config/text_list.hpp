// SPDX-License-Identifier: Apache-2.0
//
// Lists in one text, as variables and some flags have them.
// Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// "10.0.0.0/8, ::1" is two values. Empty values are skipped.
std::vector<std::string> split_list(std::string_view text, char separator);

}  // namespace onehop::config
