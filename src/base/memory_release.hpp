// SPDX-License-Identifier: Apache-2.0
//
// Returns to the system what malloc keeps of the memory that was freed. For the event loop.
#pragma once

namespace onehop {

// So much was freed near the memory ceiling that the process could grow far past it.
bool is_release_urgent() noexcept;
// Returns free pages of the whole process once enough has come together on this thread. That takes
// up to some milliseconds.
void release_returned_memory() noexcept;

}  // namespace onehop
