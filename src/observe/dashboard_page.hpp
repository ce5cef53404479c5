// SPDX-License-Identifier: Apache-2.0
//
// Makes the dashboard from dashboard.html, which the build embeds in the program, and an Overview,
// whose figures become tables. The page's script updates them from the events; without scripts, the
// browser reloads the page every five seconds.
// Thread: any; constant.
#pragma once

#include "observe/overview.hpp"

#include <string>
#include <string_view>

namespace onehop::observe {

std::string dashboard_page(const Overview& overview);

// Returns the value of Content-Security-Policy. It allows only the page's own script and style, and
// no conversion of text to HTML.
std::string_view dashboard_policy();

}  // namespace onehop::observe
