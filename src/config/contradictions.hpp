// SPDX-License-Identifier: Apache-2.0
//
// Finds settings that contradict each other, other than those about listeners and the TLS of
// clients.
// Thread: owner.
#pragma once

#include "config/contradiction.hpp"

#include <functional>
#include <string_view>

namespace onehop::config {

struct Configuration;

// Of those that are at the top only. `was_given` reports whether any source gives a setting, by
// name.
Contradictions find_contradictions(const Configuration& configuration,
                                   const std::function<bool(std::string_view name)>& was_given);

// Of those about a backend and the requests to it, as they count for one backend: that at the top,
// or that of a table. Fills in the TLS options of its connections.
Contradictions find_contradictions_of_backend(
    Configuration& configuration, const std::function<bool(std::string_view name)>& was_given);

}  // namespace onehop::config
