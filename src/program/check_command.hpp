// SPDX-License-Identifier: Apache-2.0
//
// `onehop check`: everything that a start does short of opening a listener and connecting.
// Thread: owner.
#pragma once

#include "config/load.hpp"

namespace onehop::program {

// Prints findings, or what the flags of the command ask for. Returns the exit code.
int run_check(config::Loaded loaded);

// Prints findings on standard error, in colour on a terminal.
void print_findings(const config::Findings& findings);

}  // namespace onehop::program
