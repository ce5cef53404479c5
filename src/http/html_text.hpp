// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace onehop {

// Escapes `text` for HTML content and attributes: & < > and both quotes become entities.
std::string html_escaped(std::string_view text);

}  // namespace onehop
