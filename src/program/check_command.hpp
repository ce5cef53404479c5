// SPDX-License-Identifier: Apache-2.0
//
// `onehop check` does everything that a start does, except opening listeners and connecting.
// Thread: owner.
#pragma once

#include "config/load.hpp"

namespace onehop::program {

// Prints the findings, or the output that the flags of the command ask for. Returns the exit code.
int run_check(config::Loaded loaded);

// Prints the findings on standard error, in colour on a terminal.
void print_findings(const config::Findings& findings);

}  // namespace onehop::program
