// SPDX-License-Identifier: Apache-2.0
//
// Finds ACME settings that contradict each other, or that do not fit the names of the certificates.
// Thread: any.
#pragma once

#include "config/contradiction.hpp"

#include <functional>
#include <string_view>

namespace onehop::config {

struct Configuration;

void about_acme(const Configuration& configuration,
                const std::function<bool(std::string_view)>& was_given,
                Contradictions& found);

}  // namespace onehop::config
