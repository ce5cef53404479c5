// SPDX-License-Identifier: Apache-2.0
//
// What offloaded functions may refer to lives until they have ended. Thread: owner.
#pragma once

#include <memory>

namespace onehop::io {

class Reactor;

// The event loop one of whose tasks has offloaded the function that this thread runs; null on any
// other thread. That loop ends only after the function, which must not wait for it. For comparison:
// the loop is another thread's.
const Reactor* offloading_reactor() noexcept;

// Releases `object`, on this thread, after all functions that tasks of its event loop have
// offloaded so far have ended; at once if there are none.
void release_after_offloads(std::shared_ptr<const void> object) noexcept;

}  // namespace onehop::io
