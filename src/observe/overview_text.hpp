// SPDX-License-Identifier: Apache-2.0
//
// Formats an Overview as plain text, for terminals and curl. Control characters in texts of peers
// do not reach the terminal.
// Thread: any.
#pragma once

#include "observe/overview.hpp"

#include <string>

namespace onehop::observe {

std::string overview_text(const Overview& overview);
// Returns only the requests in flight and the tunnels.
std::string requests_text(const Overview& overview);

}  // namespace onehop::observe
