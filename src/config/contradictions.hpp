// SPDX-License-Identifier: Apache-2.0
//
// Finds settings that contradict each other, other than settings about TLS and listeners.
// Thread: owner.
#pragma once

#include "config/contradiction.hpp"

#include <functional>
#include <string_view>

namespace onehop::config {

struct Configuration;

// `was_given` reports whether any source gives a setting, by name.
Contradictions find_contradictions(const Configuration& configuration,
                                   const std::function<bool(std::string_view name)>& was_given);

// The same for a table of a file, of which only the settings in it count.
Contradictions find_contradictions_of_table(const Configuration& configuration,
                                            const std::function<bool(std::string_view)>& was_given);

}  // namespace onehop::config
