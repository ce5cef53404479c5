// SPDX-License-Identifier: Apache-2.0
//
// The effective configuration as a TOML file. Each value has its origin as a comment; a default is
// in a comment as a whole, so that the file gives exactly what was given, and stays right if a
// default changes.
// Thread: any.
#pragma once

#include "config/load.hpp"
#include "config/secrets.hpp"

#include <string>

namespace onehop::config {

std::string print_configuration(const Loaded& loaded, Secrets secrets = Secrets::shown);

}  // namespace onehop::config
