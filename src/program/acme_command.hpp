// SPDX-License-Identifier: Apache-2.0
//
// `onehop acme`: the certificates in the folder of --state, whether or not onehop runs there.
// Thread: owner.
#pragma once

#include "config/configuration.hpp"

namespace onehop::program {

// Returns the exit code.
int run_acme_command(const config::Configuration& configuration);

}  // namespace onehop::program
