// SPDX-License-Identifier: Apache-2.0
//
// Finds settings that contradict each other, except settings about listeners and about TLS with
// clients.
// Thread: owner.
#pragma once

#include "config/contradiction.hpp"

#include <functional>
#include <string_view>

namespace onehop::config {

struct Configuration;

// Checks the settings that exist only at the top. `was_given` reports whether any source gives the
// setting of that name.
Contradictions find_contradictions(const Configuration& configuration,
                                   const std::function<bool(std::string_view name)>& was_given);

// Checks the settings about one backend and the requests to it; `configuration` is the top or a
// table. Fills in the TLS options of the connections to that backend.
Contradictions find_contradictions_of_backend(
    Configuration& configuration, const std::function<bool(std::string_view name)>& was_given);

}  // namespace onehop::config
