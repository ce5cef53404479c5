// SPDX-License-Identifier: Apache-2.0
//
// The plain text of an Overview, for terminals and curl. No text of a peer reaches the terminal
// with a control character.
// Thread: any.
#pragma once

#include "observe/overview.hpp"

#include <string>

namespace onehop::observe {

std::string overview_text(const Overview& overview);
// Only the requests in flight and the tunnels.
std::string requests_text(const Overview& overview);

}  // namespace onehop::observe
