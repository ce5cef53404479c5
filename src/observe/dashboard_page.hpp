// SPDX-License-Identifier: Apache-2.0
//
// The dashboard: dashboard.html, which the build puts into the program, with the figures of an
// Overview as tables. Its script replaces them by those of the events; without scripts, the browser
// loads the page again every five seconds.
// Thread: any; constant.
#pragma once

#include "observe/overview.hpp"

#include <string>
#include <string_view>

namespace onehop::observe {

std::string dashboard_page(const Overview& overview);

// The value of Content-Security-Policy: nothing but the page's own script and style runs or loads,
// and no text becomes HTML.
std::string_view dashboard_policy();

}  // namespace onehop::observe
