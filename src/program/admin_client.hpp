// SPDX-License-Identifier: Apache-2.0
//
// Implements `onehop status`, `onehop reload` and the other commands for a running onehop: each
// sends a request to its admin socket and prints the result.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "config/configuration.hpp"

#include <string>
#include <string_view>

namespace onehop::program {

// Returns the exit code of the process: 0 if the command succeeded, 1 if it failed or no onehop
// responded, 2 if its arguments are wrong.
int run_admin_command(const config::Configuration& configuration);

// Returns the content of an admin page, such as "/config", of the running onehop.
Result<std::string> read_admin_page(const config::Configuration& configuration,
                                    std::string_view path);

}  // namespace onehop::program
