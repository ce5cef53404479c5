// SPDX-License-Identifier: Apache-2.0
//
// `onehop status`, `onehop reload` and the other commands for a running onehop: sends a request to
// its admin socket and prints the result.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "config/configuration.hpp"

#include <string>
#include <string_view>

namespace onehop::program {

// Returns the exit code of the process: 0 if the command was done, 1 if it was not or if no onehop
// responds, 2 for a mistake in its words.
int run_admin_command(const config::Configuration& configuration);

// Returns a page of the running onehop, such as "/config".
Result<std::string> read_admin_page(const config::Configuration& configuration,
                                    std::string_view path);

}  // namespace onehop::program
