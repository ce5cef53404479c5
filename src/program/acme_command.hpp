// SPDX-License-Identifier: Apache-2.0
//
// `onehop acme` lists, renews and revokes the certificates in the folder of --state. It works
// whether or not a onehop serves with that folder.
// Thread: owner.
#pragma once

#include "config/configuration.hpp"

namespace onehop::program {

// Returns the exit code.
int run_acme_command(const config::Configuration& configuration);

}  // namespace onehop::program
