// SPDX-License-Identifier: Apache-2.0
//
// Prints the effective configuration as a TOML file, with the origin of each value in a comment.
// Settings with their default are commented out, so that the file sets only what its sources set
// and stays right if a default changes.
// Thread: any.
#pragma once

#include "config/load.hpp"
#include "config/secrets.hpp"

#include <string>

namespace onehop::config {

std::string print_configuration(const Loaded& loaded, Secrets secrets = Secrets::shown);

}  // namespace onehop::config
