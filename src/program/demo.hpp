// SPDX-License-Identifier: Apache-2.0
//
// `onehop demo`: the proxy in front of a small built-in backend, so that it can be tried without
// any set-up.
// Thread: owner.
#pragma once

#include "program/configuration.hpp"
#include "program/signals.hpp"

namespace onehop::program {

// Returns the exit code of the process.
int serve_demo(Configuration configuration, Signals& signals);

}  // namespace onehop::program
