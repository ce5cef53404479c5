// SPDX-License-Identifier: Apache-2.0
//
// Finds flags that contradict each other, other than flags about TLS and listeners.
// Thread: owner.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace onehop::program {

struct Configuration;

// `was_given` reports whether a setting, by name, is in the command line or the environment.
// Returns "" if the settings are consistent.
std::string find_contradiction(const Configuration& configuration,
                               const std::function<bool(std::string_view name)>& was_given);

}  // namespace onehop::program
