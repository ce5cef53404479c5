// SPDX-License-Identifier: Apache-2.0
//
// `onehop demo`: the proxy in front of a small backend of its own, so that there is something to
// see without anything to install. Main thread.
#pragma once

#include "program/configuration.hpp"
#include "program/signals.hpp"

namespace onehop::program {

// The exit code of the process.
int serve_demo(Configuration configuration, Signals& signals);

}  // namespace onehop::program
