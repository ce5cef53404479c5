// SPDX-License-Identifier: Apache-2.0
//
// Keeps objects to which offloaded functions may refer until these functions have ended.
// Thread: owner.
#pragma once

#include <memory>

namespace onehop::io {

class Reactor;

// Returns the event loop whose task offloaded the function that this thread runs; null on any other
// thread. That loop ends only after the function, so the function must not wait for it. The loop
// belongs to another thread: use the pointer for comparison only.
const Reactor* offloading_reactor() noexcept;

// Releases `object`, on this thread, after all functions that tasks of its event loop have
// offloaded so far have ended; at once if there are none.
void release_after_offloads(std::shared_ptr<const void> object) noexcept;

}  // namespace onehop::io
