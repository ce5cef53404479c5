// SPDX-License-Identifier: Apache-2.0
//
// The clock of the event loop. Not part of the interface: names in onehop::detail may change in any
// release.
#pragma once

#include <chrono>

namespace onehop::detail {

// Returns the time of the event loop of this thread; outside one, that of the machine. Thread: any.
std::chrono::steady_clock::time_point now() noexcept;
// Returns now() + `duration`, without overflow.
std::chrono::steady_clock::time_point time_after(std::chrono::nanoseconds duration) noexcept;

}  // namespace onehop::detail
