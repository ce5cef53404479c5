// SPDX-License-Identifier: Apache-2.0
//
// What the free lists of a thread gave back to malloc, which keeps it where it is: after a burst of
// requests that would be most of the process. The event loop has it returned to the system.
// Thread: each knows of its own.
#pragma once

#include <cstddef>

namespace onehop {

void note_returned_memory(std::size_t octets) noexcept;
// Notes memory that was freed, whether by the free lists or not. malloc keeps it in pieces that the
// next, larger allocation may not fit.
void note_freed_memory(std::size_t size) noexcept;
// So much was freed near the memory ceiling that the process could grow far past it.
bool is_release_urgent() noexcept;
// Returns free pages of the whole process to the system when enough has come together here; that
// takes up to some milliseconds, so call it once in a while.
void release_returned_memory() noexcept;

}  // namespace onehop
