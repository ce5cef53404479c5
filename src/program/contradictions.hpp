// SPDX-License-Identifier: Apache-2.0
//
// Flags that contradict each other, beyond those about TLS and about where to listen. Pure; main
// thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace onehop::program {

struct Configuration;

// `was_given` says whether a setting, by its name, is in the command line or in the environment.
// Empty if the settings go together.
std::string find_contradiction(const Configuration& configuration,
                               const std::function<bool(std::string_view name)>& was_given);

}  // namespace onehop::program
