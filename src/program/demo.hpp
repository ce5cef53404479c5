// SPDX-License-Identifier: Apache-2.0
//
// `onehop demo`: the proxy in front of a small built-in backend, so that it can be tried without
// any set-up.
// Thread: owner.
#pragma once

#include "program/service.hpp"
#include "program/signals.hpp"

namespace onehop::program {

// The backend of the setup is replaced. Returns the exit code of the process.
int serve_demo(Service::Setup setup, Signals& signals);

}  // namespace onehop::program
