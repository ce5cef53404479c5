// SPDX-License-Identifier: Apache-2.0
//
// Generates the manual page onehop(1), for groff.
// Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace onehop::config {

std::string man_page(std::string_view version);

}  // namespace onehop::config
