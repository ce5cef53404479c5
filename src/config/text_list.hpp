// SPDX-License-Identifier: Apache-2.0
//
// Splits the lists that environment variables and some flags have as one text.
// Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// Splits "10.0.0.0/8, ::1" into two values. Empty values are skipped.
std::vector<std::string> split_list(std::string_view text, char separator);

}  // namespace onehop::config
