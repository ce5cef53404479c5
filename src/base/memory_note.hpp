// SPDX-License-Identifier: Apache-2.0
//
// Tells a listener that this thread has reached its memory ceiling (base/held_memory.hpp), even if
// nothing asks. One for each thread.
#pragma once

#include <cstddef>

namespace onehop {

// What set_memory_ceiling() was told last on this thread.
std::size_t memory_ceiling() noexcept;

// Called from within an allocation, so it may only take a note; again and again while it lasts.
using MemoryNote = void (*)(void* context) noexcept;
// nullptr: nobody.
void set_memory_note(MemoryNote reached, void* context) noexcept;

}  // namespace onehop
