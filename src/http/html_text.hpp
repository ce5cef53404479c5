// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace onehop {

// Text that stays text in HTML, in an attribute too: & < > and both quotes as entities.
std::string html_escaped(std::string_view text);

}  // namespace onehop
