// SPDX-License-Identifier: Apache-2.0
//
// Returns free pages that malloc keeps to the system. Called by the event loop.
// Thread: any.
#pragma once

namespace onehop {

// Reports whether this thread has freed so much near the memory ceiling that the process could grow
// far beyond it.
bool is_release_urgent() noexcept;
// Returns free pages of the whole process to the system if this thread has returned enough memory
// since the last release; that takes up to some milliseconds. Reports whether memory was returned
// since the last call, so that another call may find enough.
bool release_returned_memory() noexcept;

}  // namespace onehop
