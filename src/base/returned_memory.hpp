// SPDX-License-Identifier: Apache-2.0
//
// What this thread gave back to malloc, which keeps it where it is: after a burst of requests that
// would be most of the process. base/memory_release returns it to the system.
#pragma once

#include <cstddef>

namespace onehop {

struct ReturnedMemory {
  // Bytes that the free lists returned, and what that was when a release last looked.
  std::size_t returned = 0;
  std::size_t seen = 0;
  // Bytes that were freed, whether by the free lists or not. malloc keeps them in pieces that the
  // next, larger allocation may not fit.
  std::size_t freed = 0;
};
// That of this thread.
extern constinit thread_local ReturnedMemory t_returned_memory;

inline void note_returned_memory(std::size_t size) noexcept {
  t_returned_memory.returned += size;
}
inline void note_freed_memory(std::size_t size) noexcept {
  t_returned_memory.freed += size;
}

}  // namespace onehop
