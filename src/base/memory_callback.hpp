// SPDX-License-Identifier: Apache-2.0
//
// A callback that is called when this thread reaches its memory ceiling (base/held_memory.hpp), for
// code that does not poll. Each thread has one.
// Thread: owner.
#pragma once

#include <cstddef>

namespace onehop {

// Returns the argument of the last set_memory_ceiling() on this thread.
std::size_t memory_ceiling() noexcept;

// Called from within an allocation, repeatedly while the ceiling is exceeded: it must not allocate.
using MemoryCallback = void (*)(void* context) noexcept;
// Pass nullptr to remove the callback.
void set_memory_callback(MemoryCallback reached, void* context) noexcept;

}  // namespace onehop
