// SPDX-License-Identifier: Apache-2.0
//
// `onehop demo` runs the proxy in front of a small built-in backend, to try it without any setup.
// Thread: owner.
#pragma once

#include "program/service.hpp"
#include "program/signals.hpp"

namespace onehop::program {

// Replaces the backend of `setup` by the demo's. Returns the exit code of the process.
int serve_demo(Service::Setup setup, Signals& signals);

}  // namespace onehop::program
