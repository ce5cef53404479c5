// SPDX-License-Identifier: Apache-2.0
//
// Runs `onehop BACKEND` from start to end: starts, reports, serves and drains.
// Thread: owner.
#pragma once

#include "program/service.hpp"
#include "program/signals.hpp"

namespace onehop::program {

// Returns the exit code of the process.
int serve_backend(Service::Setup setup, Signals& signals);

}  // namespace onehop::program
