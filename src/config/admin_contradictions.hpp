// SPDX-License-Identifier: Apache-2.0
//
// Finds settings of the admin listeners that contradict each other or another setting.
// Thread: any.
#pragma once

#include "config/contradiction.hpp"

namespace onehop::config {

struct Configuration;

void about_admin(const Configuration& configuration, Contradictions& found);

}  // namespace onehop::config
